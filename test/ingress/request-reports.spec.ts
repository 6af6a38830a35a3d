/** What is told of requests, for the metrics: each once, with the status it was answered. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { NEVER, of } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { eventually } from '../support/eventually.ts';
import { type DoorUnderTest, openDoor, raw } from '../support/front-door.ts';

const orders = definePipeline({
  name: 'orders',
  source: queue('orders', { retry: false }),
  input: z.object({ id: z.string() }),
  handle: ({ id }) => (id === 'never' ? NEVER : of(id)),
  ingress: { path: '/orders', maxWait: '60s' },
});
const host = 'host: localhost\r\n';
const json = `${host}content-type: application/json\r\n`;
const body = (text: string): string => `content-length: ${text.length}\r\n\r\n${text}`;
const last = 'connection: close\r\n';

describe('what is told of requests at the front door', () => {
  let subject: DoorUnderTest;
  beforeEach(async () => {
    subject = await openDoor([orders], { requestTimeoutMs: 300 });
  });
  afterEach(() => subject.stop());
  const told = () => subject.answered.map(({ pipeline, status }) => `${status} ${pipeline}`.trim());
  const isTold = async (expected: readonly string[]): Promise<void> => {
    await eventually('it is told', () => subject.answered.length >= expected.length);
    expect(told()).to.deep.equal(expected);
  };

  const cases: readonly (readonly [title: string, bytes: string, told: string])[] = [
    ['a message', `POST /orders HTTP/1.1\r\n${json}${last}${body('{"id":"a"}')}`, '202 orders'],
    ['what is no message of the pipeline', `POST /orders HTTP/1.1\r\n${json}${last}${body('{}')}`, '422 orders'],
    ['another name', `POST /orders HTTP/1.1\r\nhost: evil.test\r\n${last}${body('{}')}`, '421 orders'],
    ['no name', `POST /orders HTTP/1.1\r\n${last}${body('{}')}`, '400 orders'],
    ['a body that does not come', `POST /orders HTTP/1.1\r\n${json}content-length: 9\r\n\r\n{`, '408 orders'],
    [
      'a body that is no HTTP',
      `POST /orders HTTP/1.1\r\n${json}transfer-encoding: chunked\r\n\r\nnonsense\r\n`,
      '400 orders',
    ],
    ['another method', `PUT /orders HTTP/1.1\r\n${host}${last}\r\n`, '405'],
    ['the question for it', `OPTIONS /orders HTTP/1.1\r\n${host}${last}\r\n`, '204'],
    ['another path', `POST /nowhere HTTP/1.1\r\n${host}${last}\r\n`, '404'],
    ['a path that is none', `GET /%zz HTTP/1.1\r\n${host}${last}\r\n`, '404'],
    ['the state of a message', `GET /orders/status/x HTTP/1.1\r\n${host}${last}\r\n`, '404'],
    ['the description', `GET /openapi.json HTTP/1.1\r\n${host}${last}\r\n`, '200'],
    ['an expectation', `POST /orders HTTP/1.1\r\n${host}expect: xyz\r\n${body('{}')}`, '417'],
    ['a tunnel', `CONNECT example.test:443 HTTP/1.1\r\n${host}\r\n`, '501'],
    ['a head that does not come', `POST /orders HTTP/1.1\r\n${host}`, '408'],
    ['a head that is too large', `POST /orders HTTP/1.1\r\n${host}x: ${'y'.repeat(20_000)}\r\n\r\n`, '431'],
    ['what is no HTTP', 'nonsense\r\n\r\n', '400'],
  ];
  for (const [title, bytes, expected] of cases)
    it(`${title}: ${expected}`, async () => {
      const [, status = ''] = (await raw(subject.door.url, bytes)).split(' ');
      expect(expected.split(' ')[0]).to.equal(status);
      await isTold([expected]);
    });

  it('who leaves before his answer: 499, as many as there are on his connection', async () => {
    const socket = connect(Number(new URL(subject.door.url).port), '127.0.0.1');
    await once(socket, 'connect');
    const waiting = `POST /orders HTTP/1.1\r\n${json}prefer: wait=60\r\n${body('{"id":"never"}')}`;
    socket.write(`${waiting}${waiting}`);
    await eventually('one is with the worker', () => subject.worker.contents.length > 0);
    socket.destroy();
    await isTold(['499 orders', '499 orders']);
  });

  it('who ends his side in the middle of a body: 499, he who waits on the same connection too', async () => {
    const socket = connect(Number(new URL(subject.door.url).port), '127.0.0.1');
    await once(socket, 'connect');
    const waiting = `POST /orders HTTP/1.1\r\n${json}prefer: wait=60\r\n${body('{"id":"never"}')}`;
    socket.write(`${waiting}POST /orders HTTP/1.1\r\n${json}content-length: 10\r\n\r\n{"i`);
    await eventually('one is with the worker', () => subject.worker.contents.length > 0);
    socket.end();
    await isTold(['499 orders', '499 orders']);
  });
});
