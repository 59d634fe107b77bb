// A sheet that asks one thing: from below on a phone, in the middle at a desk.
//
// It is the browser's own dialog, which holds the focus and closes on Escape.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../text/language';

interface Props {
  title: string;
  onClose: () => void;
  /** A slip of the finger beside the sheet does not close it: something was typed. */
  isForm?: boolean;
  children: ComponentChildren;
}

export function Sheet({ title, onClose, isForm, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="sheet"
      aria-label={title}
      onClose={onClose}
      onClick={(event) => !isForm && event.target === dialog.current && onClose()}
    >
      <div class="sheet-body">
        <h2>{title}</h2>
        {children}
        <button type="button" class="big plain" onClick={onClose}>{t('act.cancel')}</button>
      </div>
    </dialog>
  );
}
