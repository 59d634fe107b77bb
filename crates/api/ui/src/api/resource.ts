// A resource on the screen: read when it appears, again when the server says that it changed, and
// at an interval where values move without an event.
//
// An older answer never replaces a newer one. A failed refresh keeps what was shown and says so.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Problem, read } from './client';
import { heardAt, listen, type Topic } from './live';

export interface Resource<T> {
  value: T | null;
  problem: Problem | null;
  /** When the shown value was read, in ms. */
  readAt: number;
  reload: () => void;
  /** Puts in an answer that came by another way, such as the reply to a command. */
  put: (value: T) => void;
}

interface Options {
  topic?: Topic;
  /** Only changes of these concern the resource; none means every change does. */
  ids?: readonly (string | undefined)[];
  everyMs?: number;
  /** Goes on showing the answer for the path before until the new one is here. */
  keep?: boolean;
}

interface Shown<T> {
  path: string | null;
  value: T | null;
  problem: Problem | null;
  readAt: number;
}

/** Reads `path`; null reads nothing. */
export function useResource<T>(path: string | null, options: Options = {}): Resource<T> {
  const [shown, setShown] = useState<Shown<T>>({ path, value: null, problem: null, readAt: 0 });
  const turn = useRef(0);
  const accepted = useRef(0);
  const { topic, everyMs, keep } = options;
  const ids = useRef(options.ids);
  ids.current = options.ids;

  const put = useCallback((value: T) => {
    accepted.current = turn.current += 1;
    setShown({ path, value, problem: null, readAt: Date.now() });
  }, [path]);

  const load = useCallback((isUnattended: boolean) => {
    if (path === null) return;
    const mine = ++turn.current;
    const isNewest = () => mine === turn.current;
    read<T>(path, isUnattended).then(
      (value) => {
        heardAt.value = Date.now();
        // A server slower than the steps of a moving range still gets its picture shown.
        const isWelcome = isNewest() || (keep === true && accepted.current < mine);
        if (!isWelcome) return;
        accepted.current = mine;
        setShown({ path, value, problem: null, readAt: Date.now() });
      },
      (problem: Problem) => {
        if (!isNewest()) return;
        const kept = (old: Shown<T>) => (old.path === path ? old.value : null);
        setShown((old) => ({ path, value: kept(old), problem, readAt: old.readAt }));
      },
    );
  }, [path, keep]);
  const reload = useCallback(() => load(false), [load]);

  useEffect(() => {
    reload();
    return () => void (turn.current += 1);
  }, [reload]);

  useEffect(() => {
    if (!topic) return undefined;
    return listen(topic, (changed) => {
      const concerns = !ids.current || changed.size === 0 || ids.current.some((id) => id && changed.has(id));
      if (concerns) load(true);
    });
  }, [topic, load]);

  useEffect(() => {
    if (!everyMs) return undefined;
    const timer = setInterval(() => !document.hidden && load(true), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, load]);

  const isCurrent = shown.path === path || keep === true;
  return {
    value: isCurrent ? shown.value : null,
    problem: isCurrent ? shown.problem : null,
    readAt: shown.readAt,
    reload,
    put,
  };
}
