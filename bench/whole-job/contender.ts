/** What a contender of the whole-job benchmark is told and tells: it runs in a process of its own, so that its CPU and memory are its own. */

export interface Job {
  readonly amqpUrl: string;
  readonly apiUrl: string;
  readonly queue: string;
  /** Messages before the clock starts. */
  readonly warmUp: number;
  /** Messages that count. */
  readonly messages: number;
  readonly concurrency: number;
  readonly prefetch: number;
}

export interface Result {
  readonly messagesPerSecond: number;
  /** User and system time of the process, per message. */
  readonly cpuMicrosPerMessage: number;
  readonly peakRssMegabytes: number;
  /** Heap in use after a collection: at the first counted message, and at the last. */
  readonly heapMegabytes: readonly [number, number];
}

export const readJob = (): Job => JSON.parse(process.argv[2] ?? '{}') as Job;

/** Counts finished messages; sends the result to the parent when all are done. */
export function createMeter({ warmUp, messages }: Job): { readonly done: Promise<void>; count(): void } {
  let counted = 0;
  let startedAt = 0n;
  let cpu = process.cpuUsage();
  let heapAtStart = 0;
  const { promise, resolve } = withResolvers();
  const heap = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const begin = (): void => {
    heapAtStart = heap();
    cpu = process.cpuUsage();
    startedAt = process.hrtime.bigint();
  };
  const end = (): void => {
    const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
    const { user, system } = process.cpuUsage(cpu);
    const result: Result = {
      messagesPerSecond: messages / seconds,
      cpuMicrosPerMessage: (user + system) / messages,
      peakRssMegabytes: process.resourceUsage().maxRSS / 1024,
      heapMegabytes: [heapAtStart, heap()],
    };
    process.send?.(result);
    resolve();
  };
  return {
    done: promise,
    count: () => {
      counted++;
      if (counted === warmUp) begin();
      if (counted === warmUp + messages) end();
    },
  };
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
