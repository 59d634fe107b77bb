// Fetches the process engineer's screens when one of them is opened: a phone in the hall never does.

import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Skeleton } from '../parts/notice';

interface Screens {
  ReviewScreen: FunctionComponent;
  RulesScreen: FunctionComponent;
  ExploreScreen: FunctionComponent;
}

let screens: Screens | null = null;

export const ReviewScreen = () => <Later name="ReviewScreen" />;
export const RulesScreen = () => <Later name="RulesScreen" />;
export const ExploreScreen = () => <Later name="ExploreScreen" />;

function Later({ name }: { name: keyof Screens }) {
  const [ready, setReady] = useState(screens);
  useEffect(() => {
    if (ready) return undefined;
    let isGone = false;
    const fetchThem = () =>
      import('./bench/all').then(
        (module) => {
          screens = module;
          if (!isGone) setReady(module);
        },
        () => isGone || setTimeout(fetchThem, RETRY_MS),
      );
    fetchThem();
    return () => void (isGone = true);
  }, [ready]);
  if (!ready) return <Skeleton rows={8} />;
  const Screen = ready[name];
  return <Screen />;
}

const RETRY_MS = 3_000;
