/**
 * `npm run pictures:traces`: the pictures of docs/tracing.md, of spans that an SDK has collected from a real worker. A spec checks that the
 * same spans still come about. Written to docs/images, or to the folder given.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tellUsage } from '../bench/support/usage.ts';
import { traceOrder, treeOf } from '../test/support/order-trace.ts';
import { renderTrace } from '../test/support/trace-svg.ts';

tellUsage('npm run pictures:traces [-- FOLDER]: the pictures of docs/tracing.md; default: into docs/images');
const [folder = 'docs/images'] = process.argv.slice(2);

for (const [name, title, isRefused] of [
  ['trace-order', 'The trace of an order', false],
  ['trace-undone', 'The trace of an order that was undone', true],
] as const) {
  const { spans } = await traceOrder({ isRefused });
  writeFileSync(join(folder, `${name}.svg`), renderTrace(title, treeOf(spans)));
  console.log(name);
}
