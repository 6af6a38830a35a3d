/** Asks for the worker's token. It is kept for this tab, and sent with what needs it. */
import { useEffect, useRef } from 'preact/hooks';
import { token } from './connection.ts';

export function TokenDialog({
  isNeeded,
  onClose,
  onToken,
}: {
  readonly isNeeded: boolean;
  readonly onClose: () => void;
  readonly onToken: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const isGiven = useRef(false);
  useEffect(() => {
    dialog.current?.showModal();
    input.current?.focus();
  }, []);
  const keep = (event: Event): void => {
    event.preventDefault();
    token.set(input.current?.value.trim() ?? '');
    isGiven.current = true;
    dialog.current?.close();
    onToken();
  };
  return (
    <dialog ref={dialog} onClose={() => isGiven.current || onClose()} aria-labelledby="token-title">
      <form onSubmit={keep}>
        <h2 id="token-title">Token</h2>
        <p>
          {isNeeded && token.get() !== '' ? <strong>That is not the token of this worker. </strong> : null}
          {isNeeded
            ? 'This worker shows nothing without its token. '
            : 'Actions such as a replay need the worker’s token. '}
          It is the value of <code>SLUICE_TOKEN</code>, is kept for this tab alone and travels in a header.
        </p>
        <label>
          Token
          <input ref={input} type="password" autocomplete="off" spellcheck={false} value={token.get()} />
        </label>
        <div class="row end">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Use this token
          </button>
        </div>
      </form>
    </dialog>
  );
}
