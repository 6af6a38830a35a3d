/** What a contender of the whole-job benchmarks is told and tells: it runs in a process of its own, so that its CPU and memory are its own. */

/** `post`: one POST for each message, then ack. `gather`: three POSTs at once, their answers published with confirm, then ack. */
export type JobKind = 'post' | 'gather';

export interface Job {
  readonly kind: JobKind;
  readonly amqpUrl: string;
  readonly apiUrl: string;
  readonly queue: string;
  /** Topic exchange the results of `gather` go to, under the key `done`. */
  readonly exchange: string;
  /** Messages before the clock starts. */
  readonly warmUp: number;
  /** Messages that count. */
  readonly messages: number;
  readonly concurrency: number;
  readonly prefetch: number;
}

export interface JobMessage {
  readonly id: string;
  readonly amount: number;
  /** When it was published, in microseconds of this machine's monotonic clock: all processes read the same one. */
  readonly sentAtMicros: number;
}

export interface Result {
  readonly messagesPerSecond: number;
  /** User and system time of the process, per message. */
  readonly cpuMicrosPerMessage: number;
  /** The same of each thousand messages, in their order: what else the machine did shows in some of them only. */
  readonly cpuMicrosBySlice: readonly number[];
  /** The part of it that the kernel took. */
  readonly systemMicrosPerMessage: number;
  readonly peakRssMegabytes: number;
  /** Heap in use after a collection: at the first counted message, and at the last. */
  readonly heapMegabytes: readonly [number, number];
  /** From publish to the end of the work, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const SLICE = 1_000;

export const readJob = (): Job => JSON.parse(process.argv[2] ?? '{}') as Job;

export const nowMicros = (): number => Number(process.hrtime.bigint() / 1_000n);

/** Counts finished messages; sends the result to the parent when all are done. */
export function createMeter({ warmUp, messages }: Job): {
  readonly done: Promise<void>;
  count(message: JobMessage): void;
} {
  let counted = 0;
  let startedAt = 0n;
  let cpu = process.cpuUsage();
  let slice = cpu;
  const cpuMicrosBySlice: number[] = [];
  let heapAtStart = 0;
  const latenciesMicros = new Float64Array(messages);
  const { promise, resolve } = withResolvers();
  const heap = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const begin = (): void => {
    heapAtStart = heap();
    cpu = process.cpuUsage();
    slice = cpu;
    startedAt = process.hrtime.bigint();
  };
  const endSlice = (): void => {
    const now = process.cpuUsage();
    cpuMicrosBySlice.push((now.user + now.system - slice.user - slice.system) / SLICE);
    slice = now;
  };
  const end = (): void => {
    const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
    const { user, system } = process.cpuUsage(cpu);
    const sorted = latenciesMicros.sort();
    const at = (share: number): number => (sorted[Math.floor(share * (messages - 1))] ?? Number.NaN) / 1e3;
    const result: Result = {
      messagesPerSecond: messages / seconds,
      cpuMicrosPerMessage: (user + system) / messages,
      cpuMicrosBySlice,
      systemMicrosPerMessage: system / messages,
      peakRssMegabytes: process.resourceUsage().maxRSS / 1024,
      heapMegabytes: [heapAtStart, heap()],
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    };
    process.send?.(result);
    resolve();
  };
  return {
    done: promise,
    count: ({ sentAtMicros }) => {
      counted++;
      if (counted > warmUp) latenciesMicros[counted - warmUp - 1] = nowMicros() - sentAtMicros;
      if (counted === warmUp) begin();
      else if (counted > warmUp && (counted - warmUp) % SLICE === 0) endSlice();
      if (counted === warmUp + messages) end();
    },
  };
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
