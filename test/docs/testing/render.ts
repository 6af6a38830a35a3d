/** Stands for a package that knows promises alone. */
import { setTimeout as sleep } from 'node:timers/promises';

export async function render(order: string): Promise<string> {
  await sleep(200);
  return `${order}.pdf`;
}
