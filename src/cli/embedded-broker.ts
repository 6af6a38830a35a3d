/** The embedded broker for `run` and `dev`: on AMQP's own port where that is free, so that any client finds it. */
import { createEmbeddedBroker } from '../broker/embedded/embedded-broker.ts';
import { systemCodeOf } from '../errors.ts';

export interface RunningBroker {
  readonly url: string;
  /** Whether AMQP's own port was taken, so that it listens on another. */
  readonly isElsewhere: boolean;
  stop(): Promise<void>;
}

export const AMQP_PORT = 5672;

export const isPortTaken = (error: unknown): boolean => systemCodeOf(error) === 'EADDRINUSE';

/** @throws when the port asked for is taken; without one, any free port is as good. */
export async function startEmbeddedBroker(port?: number): Promise<RunningBroker> {
  const broker = createEmbeddedBroker({ port: port ?? AMQP_PORT });
  try {
    const { url } = await broker.start();
    return { url, isElsewhere: false, stop: () => broker.stop() };
  } catch (error) {
    if (port !== undefined || !isPortTaken(error)) throw error;
    return { ...(await startEmbeddedBroker(0)), isElsewhere: true };
  }
}
