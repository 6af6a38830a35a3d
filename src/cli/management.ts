/** The management server for `run` and `dev`: its port is taken before anything else is started, so that a wrong one costs nothing. */
import type { Config } from '../config.ts';
import { ConfigError, systemCodeOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type ManagementServer, startManagementServer } from '../management/management-server.ts';
import { healthRoutes } from '../worker/health-routes.ts';
import type { Readiness, Worker } from '../worker/worker.ts';
import { isPortTaken } from './embedded-broker.ts';

const STARTING: Readiness = { isReady: false, state: 'starting', waiting: {} };

/**
 * Serves the readiness of the worker there is at the moment; until there is one, it is starting.
 * @throws ConfigError when the address or port asked for cannot be had.
 */
export async function openManagement(
  { host, port, token }: Config,
  log: Logger,
  worker: () => Pick<Worker, 'readiness'> | undefined,
): Promise<ManagementServer> {
  try {
    const server = await startManagementServer({ host, port, token, log });
    server.serve(healthRoutes(() => worker()?.readiness() ?? STARTING));
    return server;
  } catch (error) {
    const problem = problemOf(error, host, port);
    if (problem === undefined) throw error;
    throw new ConfigError([{ subject: 'environment', ...problem }], { cause: error });
  }
}

function problemOf(error: unknown, host: string, port: number | undefined) {
  const path = 'SLUICE_PORT';
  if (isPortTaken(error))
    return { path, message: `${port} is taken, perhaps by another worker; choose another, or 0 for any free one` };
  const code = systemCodeOf(error);
  if (code === 'EACCES')
    return { path, message: `${port} is not for this user; choose another, or 0 for any free one` };
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAFNOSUPPORT')
    return {
      path: 'SLUICE_HOST',
      message: `${host} is no address of this machine; 127.0.0.1 is loopback, 0.0.0.0 all of them`,
    };
  return undefined;
}
