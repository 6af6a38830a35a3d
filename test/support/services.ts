/**
 * Services that some suites need: RabbitMQ, PostgreSQL, a browser. A suite whose service is not there is left out and
 * named after the run, with what to install; on CI leaving one out is a failure.
 */

export type Availability =
  | { readonly available: true }
  | {
      readonly available: false;
      readonly reason: string;
      /** What to do about it: a command, or a variable to set. */
      readonly install: string;
    };

export interface Service<T> {
  /** `RabbitMQ` */
  readonly name: string;
  availability(): Availability;
  /** The one instance of this test run, started at the first call. */
  shared(): Promise<T>;
  /** Ends the shared instance, where one was started. */
  stopShared(): Promise<void>;
}

/** Starting a database or broker takes seconds; a busy machine makes it more. */
const START_TIMEOUT_MS = 180_000;

const used = new Set<Service<unknown>>();
const leftOut: {
  readonly suite: string;
  readonly service: string;
  readonly reason: string;
  readonly install: string;
}[] = [];

/** A service of which the whole test run shares one instance. */
export function defineService<T>(options: {
  readonly name: string;
  readonly availability: () => Availability;
  readonly start: () => Promise<T>;
  readonly stop: (instance: T) => Promise<void>;
}): Service<T> {
  let instance: Promise<T> | undefined;
  const service: Service<T> = {
    name: options.name,
    availability: options.availability,
    shared() {
      used.add(service);
      instance ??= options.start();
      return instance;
    },
    async stopShared() {
      const started = instance;
      instance = undefined;
      if (started !== undefined) await options.stop(await started);
    },
  };
  return service;
}

/**
 * A mocha suite that needs a service. The body gets a function that gives the shared instance, to be called in hooks and tests.
 * With `startsOwn` nothing is started: the suite brings up instances of its own.
 */
export function describeWith<T>(
  service: Service<T>,
  title: string,
  body: (instance: () => T) => void,
  { startsOwn = false }: { readonly startsOwn?: boolean } = {},
): void {
  const availability = service.availability();
  if (!availability.available) {
    leftOut.push({ suite: title, service: service.name, reason: availability.reason, install: availability.install });
    if (!process.env.CI) {
      describe.skip(title, () => body(unavailable));
    } else {
      describe(title, () => {
        it(`has ${service.name}`, () => {
          throw new Error(`on CI no suite is left out: ${availability.reason}; ${availability.install}`);
        });
      });
    }
    return;
  }

  describe(title, () => {
    let shared: { readonly instance: T } | undefined;
    if (!startsOwn) {
      before(async function startService() {
        this.timeout(START_TIMEOUT_MS);
        shared = { instance: await service.shared() };
      });
    }
    body(() => {
      if (shared === undefined)
        throw new Error(`${service.name} is there in hooks and tests, not while suites are declared`);
      return shared.instance;
    });
  });
}

function unavailable(): never {
  throw new Error('this suite is left out');
}

/** For the root hook: ends what the run has started. */
export async function stopSharedServices(): Promise<void> {
  for (const service of used) await service.stopShared();
  used.clear();
}

/** What to print after the run; empty when every suite ran. */
export function leftOutNotice(): string {
  if (leftOut.length === 0) return '';
  const lines = leftOut.map(
    ({ suite, service, reason, install }) => `  ${suite}\n    needs ${service}: ${reason}; ${install}`,
  );
  return `\nsuites left out: ${leftOut.length}\n${lines.join('\n')}\n`;
}
