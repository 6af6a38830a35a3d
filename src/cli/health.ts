/** Health for `run` and `dev`: its port is taken before anything else is started, so that a wrong one costs nothing. */
import { ConfigError } from '../errors.ts';
import { type HealthServer, startHealthServer } from '../worker/health-server.ts';
import type { Readiness, Worker } from '../worker/worker.ts';
import { isPortTaken } from './embedded-broker.ts';

const STARTING: Readiness = { isReady: false, state: 'starting', waiting: {} };

/**
 * Serves the readiness of the worker there is at the moment; until there is one, it is starting.
 * @throws ConfigError when the port asked for cannot be had.
 */
export async function openHealth(port: number | undefined, worker: () => Worker | undefined): Promise<HealthServer> {
  try {
    return await startHealthServer({ readiness: () => worker()?.readiness() ?? STARTING, port });
  } catch (error) {
    const fault = faultOf(error);
    if (fault === undefined) throw error;
    const message = `${port} ${fault}; choose another, or 0 for any free one`;
    throw new ConfigError([{ subject: 'environment', path: 'SLUICE_PORT', message }], { cause: error });
  }
}

function faultOf(error: unknown): string | undefined {
  if (isPortTaken(error)) return 'is taken, perhaps by another worker';
  return error instanceof Error && 'code' in error && error.code === 'EACCES' ? 'is not for this user' : undefined;
}
