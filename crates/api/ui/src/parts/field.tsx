// Fields of forms: a label, room for a glove, and below it what helps or what is wrong.
//
// Browsers and their password stores know the fields by their `autocomplete` words.

import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { Problem } from '../api/client';
import { t } from '../text/language';
import type { Wrong } from './form';
import { ProblemText } from './notice';
import { Shape } from './shape';

interface Common {
  label: string;
  /** Also how tests and password stores find it. */
  name: string;
  value: string;
  onValue: (value: string) => void;
  wrong?: Wrong | null;
  hint?: ComponentChildren;
}

interface TextProps extends Common {
  complete?: 'username' | 'name' | 'one-time-code' | 'off';
  max?: number;
  isPlain?: boolean;
}

export function TextField(props: TextProps) {
  const about = useAbout(props);
  return (
    <Framed {...props} about={about}>
      <input
        type="text"
        {...about.marks}
        autocomplete={props.complete ?? 'off'}
        autocapitalize={props.isPlain ? 'sentences' : 'none'}
        spellcheck={false}
        maxLength={props.max}
      />
    </Framed>
  );
}

interface SecretProps extends Common {
  complete: 'current-password' | 'new-password';
  /** Shown from the start, as one that was suggested. */
  isShown?: boolean;
  children?: ComponentChildren;
}

/** A password, which its owner may look at: gloves mistype. */
export function SecretField(props: SecretProps) {
  const about = useAbout(props);
  const [isShown, setShown] = useState(props.isShown ?? false);
  const shown = isShown || props.isShown === true;
  const shared = {
    ...about.marks,
    autocomplete: props.complete,
    autocapitalize: 'none',
    spellcheck: false,
  } as const;
  return (
    <Framed {...props} about={about}>
      <div class="with-button">
        {shown ? <input type="text" {...shared} /> : <input type="password" {...shared} />}
        {!props.isShown && (
          <button type="button" aria-pressed={shown} aria-controls={about.id} onClick={() => setShown(!shown)}>
            {t(shown ? 'form.hide' : 'form.show')}
          </button>
        )}
        {props.children}
      </div>
    </Framed>
  );
}

interface ChoiceProps extends Common {
  options: readonly { value: string; text: string }[];
}

export function ChoiceField(props: ChoiceProps) {
  const about = useAbout(props);
  const { value: _, onInput: __, ...marks } = about.marks;
  return (
    <Framed {...props} about={about}>
      <select {...marks} value={props.value} onChange={(event) => props.onValue(event.currentTarget.value)}>
        {props.options.map((it) => <option key={it.value} value={it.value}>{it.text}</option>)}
      </select>
    </Framed>
  );
}

export function DateField(props: Common & { min: string }) {
  const about = useAbout(props);
  return <Framed {...props} about={about}><input type="date" min={props.min} {...about.marks} /></Framed>;
}

/** A date and a time on the clocks of the plant, as `2026-11-26T08:00`. */
export function MomentField(props: Common) {
  const about = useAbout(props);
  return <Framed {...props} about={about}><input type="datetime-local" {...about.marks} /></Framed>;
}

type ChipsProps = Pick<Common, 'label' | 'wrong' | 'hint'> & { children: ComponentChildren };

/** A question with several answers, each a chip that is on or off. */
export function Chips({ label, wrong, hint, children }: ChipsProps) {
  const id = useId();
  return (
    // The focus comes here when nothing is chosen that must be.
    <fieldset class="field" tabIndex={-1} aria-invalid={wrong ? 'true' : undefined} aria-describedby={`${id}-below`}>
      <legend>{label}</legend>
      <div class="chips">{children}</div>
      <Below id={id} wrong={wrong} hint={hint} />
    </fieldset>
  );
}

interface ChipProps {
  value: string;
  isOn: boolean;
  onPress: () => void;
  children: ComponentChildren;
}

export function Chip({ value, isOn, onPress, children }: ChipProps) {
  return (
    <button type="button" class="chip" data-value={value} aria-pressed={isOn} onClick={onPress}>
      {children}
    </button>
  );
}

/** What the server said of the form as a whole. */
export function FormProblem({ problem }: { problem: Problem | null }) {
  return problem && <p class="error" role="alert"><ProblemText problem={problem} /></p>;
}

interface Typed {
  currentTarget: HTMLInputElement;
}

interface About {
  id: string;
  marks: {
    id: string;
    name: string;
    value: string;
    'aria-invalid': 'true' | undefined;
    'aria-describedby': string;
    onInput: (event: Typed) => void;
  };
}

function useAbout({ name, value, onValue, wrong }: Common): About {
  const id = useId();
  const marks = {
    id,
    name,
    value,
    'aria-invalid': wrong ? ('true' as const) : undefined,
    'aria-describedby': `${id}-below`,
    onInput: (event: Typed) => onValue(event.currentTarget.value),
  };
  return { id, marks };
}

function Framed({ label, wrong, hint, about, children }: Common & { about: About; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={about.id}>{label}</label>
      {children}
      <Below id={about.id} wrong={wrong} hint={hint} />
    </div>
  );
}

/** What is wrong takes the place of what helps, so that nothing below moves far. */
export function Below({ id, wrong, hint }: { id: string } & Pick<Common, 'wrong' | 'hint'>) {
  return (
    <span id={`${id}-below`} class={wrong ? 'wrong' : 'meta'} aria-live="polite">
      {wrong ? (
        <>
          <Shape tone="alarm" /> {typeof wrong === 'string' ? t(wrong) : <ProblemText problem={wrong} />}
        </>
      ) : (
        hint
      )}
    </span>
  );
}
