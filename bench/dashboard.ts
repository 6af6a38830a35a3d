/**
 * What the dashboard costs a worker: CPU time per message on the whole job, without it, with nobody who looks, and with two browsers. In
 * turn, round by round, and twice without it, so that the noise is seen. `npm run bench:dashboard -- --rounds 5 --messages 6000`
 */
import { parseArgs } from 'node:util';
import { ratioOf, textOfRatio } from './support/ratios.ts';
import { measureWholeJob } from './whole-job.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, messages: { type: 'string', default: '6000' } },
});

const CONTENDERS = ['sluice', 'whole-job/dashboard-idle', 'whole-job/dashboard-watched', 'whole-job/with-sluice'];
const [figures] = await measureWholeJob({
  kinds: ['gather'],
  contenders: CONTENDERS,
  messages: Number(values.messages),
  rounds: Number(values.rounds),
});
const costs = (contender: string): readonly number[] =>
  figures?.contenders
    .find((one) => one.contender === contender)
    ?.rounds.map(({ cpuMicrosPerMessage }) => cpuMicrosPerMessage) ?? [];
for (const contender of CONTENDERS.slice(1)) {
  const what = contender === 'whole-job/with-sluice' ? 'without it, measured again' : contender;
  console.log(`${what}: ${textOfRatio(ratioOf(costs('sluice'), costs(contender)))} of the messages per CPU time`);
}
