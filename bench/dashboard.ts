/**
 * What it costs a worker to be looked at: CPU time per message on the whole job, with nobody who listens to its facts, with the dashboard and
 * nobody there, with two browsers, and with log lines and metrics as well. In turn, and twice without, so that the noise is seen. Of each the
 * least a thousand messages took counts: what else the machine did is in all the others. Messages a second are told too; there the browsers'
 * own work counts, which on one machine takes its share of the cores. Rounds are long, because a browser's first second costs ten times what
 * any later one does: shorter ones measure that.
 * `npm run bench:dashboard -- --rounds 4 --messages 20000`
 */
import { argumentsOf } from './support/arguments.ts';
import { ratioOf, textOfRatio } from './support/ratios.ts';
import type { Result } from './whole-job/contender.ts';
import { measureWholeJob } from './whole-job.ts';

const values = argumentsOf(
  `npm run bench:dashboard [-- options]

  --rounds N      interleaved rounds (default: 4)
  --messages N    counted messages of each round, at least 1000 (default: 20000)`,
  { rounds: { type: 'string', default: '4' }, messages: { type: 'string', default: '20000' } },
  { rounds: 1, messages: 1_000 },
);

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
const roundsOf = (contender: string): readonly Result[] =>
  figures?.contenders.find((one) => one.contender === contender)?.rounds ?? [];
const costs = (contender: string): number[] =>
  roundsOf(contender)
    .flatMap(({ cpuMicrosBySlice }) => cpuMicrosBySlice)
    .sort((one, other) => one - other);
const at = (contender: string, ratio: number): number => {
  const sorted = costs(contender);
  return sorted[Math.floor(ratio * (sorted.length - 1))] ?? Number.NaN;
};
for (const [contender, what] of Object.entries(CONTENDERS)) {
  const [least, quarter] = [0, 0.25].map((ratio) => (at(NOBODY, ratio) / at(contender, ratio)).toFixed(2));
  const [rate, rateOfNobody] = [contender, NOBODY].map((each) =>
    roundsOf(each).map((round) => round.messagesPerSecond),
  );
  const perSecond = textOfRatio(ratioOf(rate ?? [], rateOfNobody ?? []));
  console.log(
    `${what}: ${least} of the messages per CPU time (${quarter} by the best quarter), ${perSecond} of the messages a second`,
  );
}
