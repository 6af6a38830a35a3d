/** As it is usually written without sluice: RxJS operators around promises of axios, and amqplib by hand. No reconnect, no dead letters. */
import { Agent } from 'node:http';
import amqp from 'amqplib';
import axios from 'axios';
import {
  catchError,
  defer,
  EMPTY,
  forkJoin,
  from,
  map,
  mergeMap,
  type Observable,
  of,
  retry,
  Subject,
  timeout,
} from 'rxjs';
import { createMeter, type JobMessage, readJob } from './contender.ts';

const job = readJob();
const meter = createMeter(job);
const api = axios.create({
  baseURL: job.apiUrl,
  httpAgent: new Agent({ keepAlive: true, maxSockets: job.concurrency * (job.kind === 'post' ? 1 : 3) }),
});
const connection = await amqp.connect(job.amqpUrl);
const channel = await connection.createChannel();
const results = await connection.createConfirmChannel();
await channel.prefetch(job.prefetch);
const deliveries = new Subject<amqp.ConsumeMessage>();

const call = (path: string, key: string, payload: unknown): Observable<unknown> =>
  defer(() => from(api.post<unknown>(path, payload, { headers: { 'idempotency-key': key } }))).pipe(
    timeout(10_000),
    retry({ count: 2, delay: 100 }),
    map(({ data }) => data),
  );

const publish = (id: string, result: unknown): Observable<void> =>
  defer(
    () =>
      new Promise<void>((resolve, reject) => {
        const options = { persistent: true, mandatory: true, contentType: 'application/json', messageId: id };
        results.publish(job.exchange, 'done', Buffer.from(JSON.stringify(result)), options, (error: unknown) => {
          if (error) reject(error as Error);
          else resolve();
        });
      }),
  );

function work(message: amqp.ConsumeMessage, payload: JobMessage): Observable<unknown> {
  const id = String(message.properties.messageId);
  if (job.kind === 'post') return call('/work', id, payload);
  return forkJoin({
    a: call('/a', `${id}-a`, payload),
    b: call('/b', `${id}-b`, payload),
    c: call('/c', `${id}-c`, payload),
  }).pipe(mergeMap((answers) => publish(id, { id: payload.id, ...answers })));
}

deliveries
  .pipe(
    mergeMap((message) => {
      const payload = JSON.parse(message.content.toString()) as JobMessage;
      return work(message, payload).pipe(
        map(() => {
          channel.ack(message);
          meter.count(payload);
        }),
        catchError((error: unknown) => {
          console.error(error);
          channel.nack(message, false, false);
          return EMPTY;
        }),
        mergeMap(() => of(undefined)),
      );
    }, job.concurrency),
  )
  .subscribe();

await channel.consume(job.queue, (message) => {
  if (message !== null) deliveries.next(message);
});
await meter.done;
await channel.close();
await connection.close();
