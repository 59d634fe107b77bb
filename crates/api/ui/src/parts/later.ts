// Fetches a part of the page when it is first needed, and again where the network lost it.

import { useEffect, useState } from 'preact/hooks';

/** A network that lost one file will lose the next one sooner than that. */
const RETRY_MS = 3_000;

/** A hook that gives the part once it is here, and null until then. */
export function later<T>(fetchIt: () => Promise<T>): () => T | null {
  let here: T | null = null;
  return () => {
    const [ready, setReady] = useState<T | null>(here);
    useEffect(() => {
      if (ready) return undefined;
      let isGone = false;
      const attempt = () =>
        fetchIt().then(
          (part) => {
            here = part;
            if (!isGone) setReady(() => part);
          },
          () => isGone || setTimeout(attempt, RETRY_MS),
        );
      attempt();
      return () => void (isGone = true);
    }, [ready]);
    return ready;
  };
}
