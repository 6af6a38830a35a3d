/**
 * The whole job: consume, one POST or three gathered and published with confirm, ack. All contenders in turn and in one run, so that the
 * ratios hold where the machine's speed drifts.
 */
import { once } from 'node:events';
import { EXCHANGE, findBroker, openPublisher, QUEUE } from './support/bench-broker.ts';
import { buildPrograms } from './support/programs.ts';
import { lowerQuartile, median, type Ratio, ratioOf, textOfRatio } from './support/ratios.ts';
import type { Job, JobKind, Result } from './whole-job/contender.ts';

export interface WholeJobOptions {
  readonly kinds: readonly JobKind[];
  readonly contenders: readonly string[];
  readonly messages: number;
  readonly rounds: number;
  /** Messages a second; undefined: all of them wait in the queue when the contender starts. */
  readonly perSecond?: number | undefined;
  readonly profileTo?: string | undefined;
}

export interface ContenderFigures {
  readonly contender: string;
  readonly rounds: readonly Result[];
}

export interface JobFigures {
  readonly kind: JobKind;
  readonly contenders: readonly ContenderFigures[];
}

const LIMIT = 'by hand';
const CONCURRENCY = 64;
const PREFETCH = 128;

export async function measureWholeJob(options: WholeJobOptions): Promise<readonly JobFigures[]> {
  const { kinds, contenders, messages, rounds, perSecond } = options;
  // At a steady rate messages pile up until the contender has started: those seconds are not its latency.
  const warmUp = perSecond === undefined ? 2_000 : 5 * perSecond;
  const programs = await buildPrograms(options.profileTo);
  const broker = await findBroker();
  const apiServer = programs.start('whole-job/api-server');
  const publisher = await openPublisher(broker.url);
  try {
    const [apiUrl] = (await once(apiServer, 'message')) as [string];
    const figures: JobFigures[] = [];
    for (const kind of kinds) {
      const results = new Map<string, Result[]>(contenders.map((contender) => [contender, []]));
      for (let round = 1; round <= rounds; round++) {
        for (const contender of turned(contenders, round - 1)) {
          const job: Job = {
            kind,
            amqpUrl: broker.url,
            apiUrl,
            queue: QUEUE,
            exchange: EXCHANGE,
            warmUp,
            messages,
            concurrency: CONCURRENCY,
            prefetch: PREFETCH,
          };
          await publisher.declare();
          if (perSecond === undefined) await publisher.fill(warmUp + messages);
          const ran = programs.run(contender, job);
          if (perSecond !== undefined) await publisher.pace(warmUp + messages, perSecond);
          const result = await ran;
          results.get(contender)?.push(result);
          console.error(`${kind} ${round}/${rounds} ${contender}: ${describe(result)}`);
        }
      }
      figures.push({
        kind,
        contenders: [...results].map(([contender, ofRounds]) => ({ contender, rounds: ofRounds })),
      });
    }
    return figures;
  } finally {
    apiServer.disconnect();
    await publisher.close();
    await broker.stop();
  }
}

/** Another one begins each round: whoever came after the same one each time would pay for what that leaves behind. */
const turned = <T>(all: readonly T[], by: number): readonly T[] => {
  const first = by % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
};

const describe = ({ messagesPerSecond, cpuMicrosPerMessage, peakRssMegabytes, heapMegabytes, p99Ms }: Result): string =>
  `${messagesPerSecond.toFixed(0)}/s, ${cpuMicrosPerMessage.toFixed(1)} µs of CPU a message, p99 ${p99Ms.toFixed(1)} ms, peak RSS ${peakRssMegabytes.toFixed(0)} MB, heap ${heapMegabytes.map((heap) => heap.toFixed(1)).join(' → ')} MB`;

const TITLES: Readonly<Record<JobKind, string>> = {
  post: 'One POST for each message, then ack',
  gather: 'Three POSTs gathered, the result published with confirm, then ack',
};

/** What tables and plots show of a round. */
type Figure = 'messagesPerSecond' | 'quietCpuMicros' | 'peakRssMegabytes' | 'p50Ms' | 'p99Ms';

const of =
  (figure: Figure) =>
  ({ rounds }: ContenderFigures): number[] =>
    rounds.map((result) => (figure === 'quietCpuMicros' ? lowerQuartile(result.cpuMicrosBySlice) : result[figure]));

/** What a contender's figure is of that of the loop by hand. */
export function ratioToLimit(figures: JobFigures, contender: ContenderFigures, figure: Figure): Ratio {
  const limit = figures.contenders.find((each) => each.contender === LIMIT) ?? contender;
  return ratioOf(of(figure)(contender), of(figure)(limit));
}

/** A Markdown table for each job. */
export function tableOf(figures: readonly JobFigures[], { messages, rounds, perSecond }: WholeJobOptions): string {
  const load = perSecond === undefined ? `${messages} messages` : `${messages} messages at ${perSecond} a second`;
  return figures
    .map((job) =>
      [
        `**${TITLES[job.kind]}.** ${load} after warm-up, concurrency ${CONCURRENCY}, prefetch ${PREFETCH}, median of ${rounds} interleaved rounds, Node ${process.versions.node}; in brackets the ratio to the loop by hand, round by round (least to most). CPU is the lower quartile of a round's slices of 1000 messages.`,
        '',
        '| | messages/s | CPU µs a message | peak RSS, MB | p50, ms | p99, ms |',
        '| --- | --- | --- | --- | --- | --- |',
        ...job.contenders.map((each) => {
          const cell = (figure: Figure, digits: number): string =>
            `${median(of(figure)(each)).toFixed(digits)} · ${textOfRatio(ratioToLimit(job, each, figure))}`;
          return `| ${each.contender} | ${cell('messagesPerSecond', 0)} | ${cell('quietCpuMicros', 1)} | ${cell('peakRssMegabytes', 0)} | ${cell('p50Ms', 1)} | ${cell('p99Ms', 1)} |`;
        }),
      ].join('\n'),
    )
    .join('\n\n');
}
