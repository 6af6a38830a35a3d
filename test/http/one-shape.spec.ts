import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { lastValueFrom, map, mergeMap, range, toArray } from 'rxjs';
import sinon from 'sinon';
import type { Client } from 'undici';
import { giveOneShape } from '../../src/http/one-shape.ts';
import { createUndiciLane, partsOfUndici } from '../../src/http/undici-lane.ts';
import { hasFastProperties } from '../support/fast-properties.ts';

const { kHTTPContext } = createRequire(import.meta.url)('undici/lib/core/symbols.js') as { kHTTPContext: symbol };

describe('the shape of connections', () => {
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.end('{}'));
  });
  let origin = '';

  before(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(() => {
    server.close();
    server.closeAllConnections();
  });

  it('is one that V8 reads in place, for each connection of a lane', async () => {
    const dispatch = sinon.spy(Object.getPrototypeOf(partsOfUndici().Client.prototype), 'dispatch');
    const lane = createUndiciLane({
      origin,
      connections: 4,
      connectTimeoutMs: 1_000,
      keepAliveMs: 10_000,
      maxResponseBytes: 1_000,
    });
    try {
      const send = () => lane.send({ method: 'POST', path: '/', body: Buffer.from('{}') }, []);
      const statuses = range(0, 20).pipe(
        mergeMap(send, 4),
        map(({ status }) => status),
        toArray(),
      );
      expect(new Set(await lastValueFrom(statuses))).to.deep.equal(new Set([200]));
      const contexts = [...new Set(dispatch.thisValues)].map((client: object): unknown =>
        Reflect.get(client, kHTTPContext),
      );
      expect(contexts).to.have.length(4);
      expect(contexts.map(hasFastProperties())).to.deep.equal([true, true, true, true]);
    } finally {
      dispatch.restore();
      await lane.destroy();
    }
  });

  it('is left as undici made it where that is not known', () => {
    const unknown = { version: 'h2', write: () => true };
    const client = { [kHTTPContext]: unknown };
    giveOneShape(client as unknown as Client);
    expect(client[kHTTPContext]).to.equal(unknown);
  });
});
