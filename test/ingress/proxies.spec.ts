/** Who a client is behind proxies, and what a client can make of it who says he is another. */
import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { type DoorUnderTest, openDoor } from '../support/front-door.ts';

const input = z.object({ id: z.string() });
const open = definePipeline({
  name: 'open',
  source: queue('open', { retry: false }),
  input,
  handle: (_, { headers }) => of(headers['x-sluice-client']),
  ingress: { path: '/open', auth: 'none', wait: '20s', rateLimit: { requests: 2, per: '1h' } },
});
describe('the front door behind proxies', () => {
  let subject: DoorUnderTest;
  afterEach(() => subject.stop());
  const openBehind = async (...trustedProxies: readonly string[]): Promise<void> => {
    subject = await openDoor([open], { trustedProxies });
  };
  /** Status, and whom the pipeline takes it for. */
  const ask = async (forwarded: string) => {
    const { status, text } = await subject.ask('/open', {
      body: { id: 'a' },
      headers: { 'x-forwarded-for': forwarded },
    });
    return status === 200 ? JSON.parse(text) : status;
  };

  it('believes nobody who is not a proxy of its own, and counts by who is connected', async () => {
    await openBehind();
    expect(await ask('203.0.113.1')).to.equal('127.0.0.1');
    expect(await ask('203.0.113.2')).to.equal('127.0.0.1');
    expect(await ask('203.0.113.3')).to.equal(429);
    await subject.stop();

    await openBehind('192.0.2.1');
    expect(await ask('203.0.113.1, 192.0.2.1')).to.equal('127.0.0.1');
  });

  it('counts each client behind a proxy for himself', async () => {
    await openBehind('127.0.0.1');
    for (const client of ['203.0.113.1', '203.0.113.2'])
      expect([await ask(client), await ask(client), await ask(client)]).to.deep.equal([client, client, 429]);
  });

  it('believes what its proxy has added, and nothing that the client wrote before it', async () => {
    await openBehind('127.0.0.1');
    expect(await ask('198.51.100.1, 203.0.113.1')).to.equal('203.0.113.1');
    expect(await ask('198.51.100.2, 127.0.0.1, 203.0.113.1')).to.equal('203.0.113.1');
    expect(await ask('198.51.100.3,203.0.113.1')).to.equal(429);
  });

  it('goes through a chain of proxies to the first it does not know', async () => {
    await openBehind('127.0.0.1', '10.0.0.0/8');
    expect(await ask('198.51.100.1, 203.0.113.1, 10.1.2.3, 10.9.9.9')).to.equal('203.0.113.1');
    // All are proxies: the first of them.
    expect(await ask('10.1.1.1, 10.1.2.3')).to.equal('10.1.1.1');
  });

  it('takes a client for one whatever port or address of its own network it comes from, and no nonsense for a client', async () => {
    await openBehind('127.0.0.1');
    const one = [await ask('203.0.113.1:5001'), await ask('203.0.113.1:5002'), await ask('203.0.113.1:5003')];
    expect(one).to.deep.equal(['203.0.113.1', '203.0.113.1', 429]);
    const network = [await ask('2001:db8::1'), await ask('2001:db8::2'), await ask('[2001:db8::3]:443')];
    expect(network).to.deep.equal(['2001:db8::1', '2001:db8::2', 429]);
    expect([await ask('unknown'), await ask('a b'), await ask('_secret')]).to.deep.equal([
      '127.0.0.1',
      '127.0.0.1',
      429,
    ]);
  });
});
