/** Reads the event streams of a dashboard as browsers do, as fast as they come; says when the first frame of each is here. */
import { setTimeout as wait } from 'node:timers/promises';

const [url = '', count = '1'] = process.argv.slice(2);
process.once('disconnect', () => process.exit());

async function look(onFirst: () => void): Promise<void> {
  const response = await fetch(`${url}/events`);
  if (!response.ok || response.body === null) throw new Error(`the dashboard answered ${response.status}`);
  for await (const _ of response.body) onFirst();
}

const browsers = Array.from({ length: Number(count) }, () => {
  const first = new Promise<void>((resolve) => void look(resolve).catch(() => process.exit(1)));
  return first;
});
await Promise.all(browsers);
await wait(100);
process.send?.('looking');
