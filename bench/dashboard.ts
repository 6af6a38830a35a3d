/**
 * What it costs a worker to be looked at: CPU time per message on the whole job, with nobody who listens to its facts, with the dashboard and
 * nobody there, with two browsers, and with log lines and metrics as well. In turn, in many short rounds, and twice without, so that the noise
 * is seen. Of each the least a thousand messages took counts: what else the machine did is in all the others.
 * `npm run bench:dashboard -- --rounds 8 --messages 3000`
 */
import { parseArgs } from 'node:util';
import { measureWholeJob } from './whole-job.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '8' }, messages: { type: 'string', default: '3000' } },
});

const NOBODY = 'sluice';
const CONTENDERS = {
  'whole-job/dashboard-idle': 'with the dashboard',
  'whole-job/dashboard-watched': 'with two browsers',
  'whole-job/observed': 'with log lines, metrics and two browsers',
  'whole-job/with-sluice': 'with nobody, measured again',
} as const;
const [figures] = await measureWholeJob({
  kinds: ['gather'],
  contenders: [NOBODY, ...Object.keys(CONTENDERS)],
  messages: Number(values.messages),
  rounds: Number(values.rounds),
});
const costs = (contender: string): number[] =>
  (figures?.contenders.find((one) => one.contender === contender)?.rounds ?? [])
    .flatMap(({ cpuMicrosBySlice }) => cpuMicrosBySlice)
    .sort((one, other) => one - other);
const at = (contender: string, ratio: number): number => {
  const sorted = costs(contender);
  return sorted[Math.floor(ratio * (sorted.length - 1))] ?? Number.NaN;
};
for (const [contender, what] of Object.entries(CONTENDERS)) {
  const [least, quarter] = [0, 0.25].map((ratio) => (at(NOBODY, ratio) / at(contender, ratio)).toFixed(2));
  console.log(`${what}: ${least} of the messages per CPU time (${quarter} by the best quarter)`);
}
