// Fetches the process engineer's screens when one of them is opened: a phone in the hall never does.

import { later } from '../parts/later';
import { Skeleton } from '../parts/notice';

const useScreens = later(() => import('./bench/all'));

export const ReviewScreen = () => <Later name="ReviewScreen" />;
export const RulesScreen = () => <Later name="RulesScreen" />;
export const ExploreScreen = () => <Later name="ExploreScreen" />;

function Later({ name }: { name: 'ReviewScreen' | 'RulesScreen' | 'ExploreScreen' }) {
  const screens = useScreens();
  if (!screens) return <Skeleton rows={8} />;
  const Screen = screens[name];
  return <Screen />;
}
