// The keys of the queue; none while somebody types or a sheet is open.

import { useEffect, useRef } from 'preact/hooks';

export interface ReviewKeys {
  isBlocked: boolean;
  move: (step: number) => void;
  mark: () => void;
  confirm: () => void;
  reject: () => void;
  merge: () => void;
  undo: () => void;
}

export function useReviewKeys(keys: ReviewKeys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping = (event.target as Element).matches('input:not([type=checkbox]), select, textarea, dialog *');
      const now = latest.current;
      if (isTyping || now.isBlocked || event.ctrlKey || event.metaKey || event.altKey) return;
      const act: Record<string, () => void> = {
        j: () => now.move(1),
        k: () => now.move(-1),
        x: now.mark,
        a: now.confirm,
        r: now.reject,
        m: now.merge,
        u: now.undo,
      };
      const wanted = act[event.key.toLowerCase()];
      if (!wanted) return;
      event.preventDefault();
      wanted();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}
