/** A question before something that cannot be taken back, or acts on many: Cancel stands first, and Esc is Cancel. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

export function Confirm({
  title,
  yes,
  children,
  onNo,
  onYes,
}: {
  readonly title: string;
  /** What the button says that does it. */
  readonly yes: string;
  readonly children: ComponentChildren;
  readonly onNo: () => void;
  readonly onYes: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={onNo} aria-labelledby={titleId}>
      <h2 id={titleId}>{title}</h2>
      {children}
      <div class="row end">
        <button type="button" class="button" onClick={onNo}>
          Cancel
        </button>
        <button type="button" class="button primary" onClick={onYes}>
          {yes}
        </button>
      </div>
    </dialog>
  );
}
