/** The front door for `run`, `dev` and `serve`: on connections of its own, so that it is there before a worker is, and after. */
import { randomUUID } from 'node:crypto';
import { ignoreElements, lastValueFrom, type Observable } from 'rxjs';
import { createAmqpBroker } from '../broker/amqp/create-amqp-broker.ts';
import type { BrokerStatus } from '../broker/broker.ts';
import type { Config } from '../config.ts';
import { ConfigError, systemCodeOf } from '../errors.ts';
import type { Facts } from '../events.ts';
import { type FrontDoor, openFrontDoor } from '../ingress/front-door.ts';
import type { Logger } from '../log.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { entrancesOf, openToAll } from '../worker/entrances.ts';
import type { WorkerState } from '../worker/worker.ts';
import { brokerSecurity } from './broker-security.ts';
import type { BrokerUrls } from './broker-urls.ts';
import { isPortTaken } from './embedded-broker.ts';

export interface OpenedDoor extends FrontDoor {
  /** Of its connections. */
  readonly status: Observable<BrokerStatus>;
  /** Drains with the worker behind it, and lets nobody wait when that has stopped. */
  follow(worker: Observable<WorkerState>): void;
  /** Settles when everybody has left and the connections are closed; lets nobody wait any longer. Never rejects. */
  close(): Promise<void>;
}

export interface DoorParts {
  readonly log: Logger;
  readonly facts: Facts;
  readonly urls: BrokerUrls;
  /** Called before the log tells that it is open: whoever reads that may ask it to stop at once. */
  readonly onOpen?: (door: OpenedDoor) => void;
}

const DEFAULT_PORT = 3000;
const CLOSE_WITHIN_MS = 5_000;

/**
 * Undefined where no pipeline is entered, or the front door is switched off.
 * @throws ConfigError when an entrance is open to all, or the address cannot be had.
 */
export async function openDoor(
  pipelines: readonly Pipeline[],
  config: Config,
  { log, facts, urls, onOpen = () => {} }: DoorParts,
): Promise<OpenedDoor | undefined> {
  const { doorHost: host, doorPort: port, doorProxies: trustedProxies, doorNames: names } = config;
  const entrances = entrancesOf(pipelines);
  if (entrances.length === 0 || port === 'off') return undefined;
  const problems = openToAll(pipelines, host);
  if (problems.length > 0) throw new ConfigError(problems);
  const doorLog = log.child({ part: 'front door' });
  const connection = { urls, ...brokerSecurity(config), connectionName: 'sluice door', log: doorLog };
  const broker = createAmqpBroker({ ...connection, random: Math.random });
  const closeBroker = (): Promise<void> =>
    lastValueFrom(broker.close({ withinMs: CLOSE_WITHIN_MS }).pipe(ignoreElements()), { defaultValue: undefined });
  const open = (at: number): Promise<FrontDoor> =>
    openFrontDoor({ entrances, broker, log: doorLog, facts, host, port: at, newId: randomUUID, trustedProxies, names });
  try {
    const door = await openAt(port, open);
    const opened: OpenedDoor = {
      url: door.url,
      status: broker.status,
      closed: door.closed,
      drain: door.drain,
      hasten: door.hasten,
      follow: (worker) => {
        worker.subscribe({
          next: (state) => {
            if (state === 'draining') door.drain();
          },
          complete: () => door.hasten(),
        });
      },
      close: async () => {
        door.drain();
        door.hasten();
        await door.closed;
        await closeBroker();
      },
    };
    onOpen(opened);
    log.info(
      { url: door.url, entrances: entrances.map(({ ingress }) => `${ingress.method} ${ingress.path}`) },
      'the front door is open',
    );
    return opened;
  } catch (error) {
    await closeBroker();
    throw problemOf(error, host, port) ?? error;
  }
}

/** A port that was asked for has to be had; the default one gives way, so that two workers run side by side. */
async function openAt(port: number | undefined, open: (port: number) => Promise<FrontDoor>): Promise<FrontDoor> {
  if (port !== undefined) return open(port);
  try {
    return await open(DEFAULT_PORT);
  } catch (error) {
    if (!isPortTaken(error)) throw error;
    return open(0);
  }
}

function problemOf(error: unknown, host: string, port: number | undefined): ConfigError | undefined {
  const wrong = (path: string, message: string): ConfigError =>
    new ConfigError([{ subject: 'environment', path, message }], { cause: error });
  const code = systemCodeOf(error);
  switch (code) {
    case 'EADDRINUSE':
      return wrong(
        'SLUICE_DOOR_PORT',
        `${port} is taken, perhaps by another front door; choose another, or 0 for any free one`,
      );
    case 'EACCES':
      return wrong('SLUICE_DOOR_PORT', `${port} is not for this user; choose another, or 0 for any free one`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAFNOSUPPORT':
      return wrong(
        'SLUICE_DOOR_HOST',
        `${host} is no address of this machine; 127.0.0.1 is loopback, 0.0.0.0 all of them`,
      );
    default:
      return undefined;
  }
}
