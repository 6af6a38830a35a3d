/** A front door on the embedded broker, with a worker behind it where one is wanted, and a client that asks it. */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { createAmqpBroker } from '../../src/broker/amqp/create-amqp-broker.ts';
import { openDeadLetters } from '../../src/broker/amqp/open-dead-letters.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { queuePair } from '../../src/cli/dlq/copies.ts';
import { replayLetters } from '../../src/cli/dlq/replay-letters.ts';
import { createFacts, type RequestAnswered } from '../../src/events.ts';
import { type FrontDoor, type FrontDoorOptions, openFrontDoor } from '../../src/ingress/front-door.ts';
import type { Logger } from '../../src/log.ts';
import { silentLogger } from '../../src/log.ts';
import { formOf } from '../../src/pipeline/message-format.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { entrancesOf } from '../../src/worker/entrances.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { type InProcessWorker, startInProcess } from './in-process-worker.ts';

export interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Of a JSON body. */
  readonly body: Record<string, unknown>;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, a text or bytes as they are. */
  readonly body?: unknown;
  /** Leaves the request. */
  readonly signal?: AbortSignal;
}

/** Of an entrance that is made without a pipeline: JSON in, JSON out. */
export const plainForm = formOf({ reads: undefined, writes: undefined, maxMessageBytes: 1_000 });

export interface DoorUnderTest {
  readonly door: FrontDoor;
  readonly embedded: EmbeddedBroker;
  readonly worker: InProcessWorker;
  readonly amqp: ReturnType<typeof createAmqpBroker>;
  /** What was told of requests. */
  readonly answered: readonly RequestAnswered[];
  ask(path: string, question?: Question): Promise<Told>;
  /** Puts the dead letters of a queue into it again, as `sluice dlq retry` does. */
  retry(queue: string): Promise<void>;
  stop(): Promise<void>;
}

export interface DoorSetup extends Partial<Omit<FrontDoorOptions, 'broker'>> {
  /** Of a broker that is there already. Default: an embedded one is started. */
  readonly amqpUrl?: string;
  readonly log?: Logger;
}

export async function openDoor(
  pipelines: readonly Pipeline[],
  { amqpUrl, log = silentLogger, ...options }: DoorSetup = {},
): Promise<DoorUnderTest> {
  // Of a port that stays when it is started again.
  const embedded = createEmbeddedBroker({ port: await freePort() });
  const url = amqpUrl ?? (await embedded.start()).url;
  const worker = startInProcess(pipelines, { urls: [url] });
  const amqp = createAmqpBroker({ urls: [url], random: Math.random, log, reconnect: { initialMs: 20, maxMs: 200 } });
  const facts = createFacts();
  const answered: RequestAnswered[] = [];
  facts.stream.subscribe((fact) => {
    if (fact.type === 'requestAnswered') answered.push(fact);
  });
  const entrances = options.entrances ?? entrancesOf(pipelines);
  const door = await openFrontDoor({
    entrances,
    broker: amqp,
    log,
    facts,
    host: '127.0.0.1',
    port: 0,
    newId: randomUUID,
    ...options,
  });
  await worker.isReady();
  let state = '';
  const watching = amqp.status.subscribe((status) => {
    state = status.state;
  });
  await eventually('the door is connected', () => state === 'connected');
  watching.unsubscribe();
  const agent = new Agent({ keepAlive: true });
  return {
    door,
    embedded,
    worker,
    amqp,
    answered,
    ask: (path, question) => ask(`${door.url}${path}`, agent, question),
    async retry(queue) {
      const office = await openDeadLetters({ urls: [url], random: Math.random });
      const session = { office, stop: new AbortController().signal };
      await replayLetters(session, queuePair(queue), { filter: () => true, everyMs: 0 });
      await office.close();
    },
    async stop() {
      agent.destroy();
      door.drain();
      door.hasten();
      await door.closed;
      await new Promise<void>((resolve) => amqp.close({ withinMs: 2_000 }).subscribe({ complete: resolve }));
      await worker.stop();
      if (amqpUrl === undefined) await embedded.stop();
    },
  };
}

export function ask(
  url: string,
  agent: Agent,
  { method = 'POST', headers = {}, body, signal }: Question = {},
): Promise<Told> {
  const bytes =
    body === undefined || body instanceof Uint8Array || typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asking = request(
      url,
      {
        method,
        agent,
        ...(signal === undefined ? {} : { signal }),
        headers: {
          ...(bytes === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = /json/.test(response.headers['content-type'] ?? '');
          const parsed = isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {};
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: parsed });
        });
      },
    );
    asking.on('error', reject);
    asking.end(bytes);
  });
}

/** What comes back for bytes that are written as they are. */
export function raw(url: string, ...parts: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let told = '';
    const socket = connect(Number(port), hostname);
    socket.on('data', (chunk) => {
      told += chunk.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(told));
    for (const part of parts) socket.write(part);
  });
}
