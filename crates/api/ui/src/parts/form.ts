// A form that is sent once: what is wrong goes to the field that it belongs to, and the focus with it.
//
// Wrongs are kept as keys and problems, not as words, so that they follow the language of the page.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Problem } from '../api/client';
import type { Key } from '../text/language';

/** A key of the catalogue, or what the server said. */
export type Wrong = Key | Problem;
export type Wrongs<F extends string> = Partial<Record<F, Wrong | null>>;

export interface Form<F extends string> {
  /** What the server said that belongs to no field. */
  problem: Problem | null;
  isBusy: boolean;
  /** Goes on the `form` element. */
  place: { current: HTMLFormElement | null };
  /** What a field needs of the form; what was wrong is taken back once the person changes it. */
  of: <V>(field: F, set: (value: V) => void) => { wrong: Wrong | null; onValue: (value: V) => void };
  sends: <T>(todo: Todo<F, T>) => (event: Event) => void;
}

interface Todo<F extends string, T> {
  check: () => Wrongs<F>;
  ask: () => Promise<T>;
  done: (answer: T) => void;
}

/**
 * To which field a kind of problem belongs, by the server's word for it; with a key where this form has words
 * of its own for it.
 */
export type Belongs<F extends string> = Readonly<Record<string, F | readonly [F, Key]>>;

export function useForm<F extends string>(belongs: Belongs<F>): Form<F> {
  const place = useRef<HTMLFormElement>(null);
  const [wrongs, setWrongs] = useState<Wrongs<F>>({});
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    place.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [wrongs]);

  const refused = (failure: Problem) => {
    const { wrongs: found, rest } = placed(failure, belongs);
    setBusy(false);
    setProblem(rest);
    setWrongs(found);
  };
  const sends = <T>({ check, ask, done }: Todo<F, T>) => (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    const found = check();
    setWrongs(found);
    setProblem(null);
    if (Object.values(found).some(Boolean)) return;
    setBusy(true);
    ask().then((answer) => {
      setBusy(false);
      done(answer);
    }, refused);
  };
  const of = <V>(field: F, set: (value: V) => void) => ({
    wrong: wrongs[field] ?? null,
    onValue: (value: V) => {
      if (wrongs[field]) setWrongs((old) => ({ ...old, [field]: null }));
      set(value);
    },
  });
  return { problem, isBusy, place, of, sends };
}

/** What is wrong with which field, else what the form as a whole must say. */
export function placed<F extends string>(problem: Problem, belongs: Belongs<F>) {
  const place = Object.entries(belongs).find(([code]) => code === problem.code)?.[1];
  if (place === undefined) return { wrongs: {}, rest: problem };
  const [field, wrong] = typeof place === 'string' ? [place, problem] : place;
  return { wrongs: { [field]: wrong } as Wrongs<F>, rest: null };
}
