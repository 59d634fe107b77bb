// Fetches the screens of accounts and keys when one of them is opened.

import { later } from '../parts/later';
import { Skeleton } from '../parts/notice';

const useScreens = later(() => import('./access/all'));

export const AccessScreen = () => <Later name="AccessScreen" />;
export const OwnScreen = () => <Later name="OwnScreen" />;

function Later({ name }: { name: 'AccessScreen' | 'OwnScreen' }) {
  const screens = useScreens();
  if (!screens) return <Skeleton rows={6} />;
  const Screen = screens[name];
  return <Screen />;
}
