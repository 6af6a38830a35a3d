/** Text as it is, in a box that scrolls, by keys too. */
import type { Ref } from 'preact';

export function CodeBlock({
  label,
  text,
  inner,
}: {
  readonly label: string;
  readonly text: string;
  readonly inner?: Ref<HTMLPreElement>;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
    <section class="code" tabIndex={0} aria-label={label}>
      <pre ref={inner ?? null}>{text}</pre>
    </section>
  );
}
