/** TLS towards the broker: who it is is looked at before anything is said, the password least of all. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { expect } from 'chai';
import type { AmqpTlsOptions } from '../../../src/broker/amqp/tls-options.ts';
import type { BrokerStatus } from '../../../src/broker/broker.ts';
import { ConfigError } from '../../../src/errors.ts';
import { publicKeyPin } from '../../../src/policies/certificates.ts';
import { done } from '../../contract/broker-port.ts';
import { type Certified, describeWithAuthority } from '../../http/test-authority.ts';
import { eventually } from '../../support/eventually.ts';
import { createTestBroker } from './rabbitmq-under-test.ts';

describeWithAuthority('the certificate of a broker', (authority) => {
  const servers: Server[] = [];
  let heard = '';

  const serve = async ({ cert, key }: Certified): Promise<number> => {
    const server = createServer({ cert, key }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => (heard += bytes.toString('latin1')));
    });
    server.on('tlsClientError', () => {});
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const refusal = async (certified: Certified, pins: readonly string[] = []): Promise<string> => {
    const port = await serve(certified);
    const statuses: BrokerStatus[] = [];
    const broker = createTestBroker(`amqps://worker:canary@localhost:${port}`, { tls: { ca: authority().ca, pins } });
    broker.status.subscribe((status) => statuses.push(status));
    await eventually('refused', () => statuses.some(({ reason }) => reason !== undefined), 30_000);
    await done(broker.close({ withinMs: 500 }));
    return statuses.find(({ reason }) => reason !== undefined)?.reason ?? '';
  };

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it('F25: a broker whose certificate has expired or is for another host is refused, by its name and the reason', async () => {
    expect(await refusal(authority().issue('localhost', -1))).to.match(/CERT_HAS_EXPIRED|expired/);
    const other = await refusal(authority().issue('elsewhere.test'));
    expect(other)
      .to.match(/ERR_TLS_CERT_ALTNAME_INVALID/)
      .and.include('localhost')
      .and.include('elsewhere.test');
    expect(heard).to.equal('');
  });

  it('S11: a broker with another key than the pinned one is refused, however well certified', async () => {
    const certified = authority().issue('localhost');
    const pin = publicKeyPin(certified.cert);
    const other = publicKeyPin(authority().issue('localhost').cert);
    expect(await refusal(certified, [other])).to.include(`its public key ${pin} is not pinned`);
    expect(heard).to.equal('');
  });

  it('S11: a certificate without its key, a key of another and texts that are neither are refused at start, and not shown', () => {
    const [one, two] = [authority().issue('one'), authority().issue('two')];
    const problem = (tls: AmqpTlsOptions): string => {
      try {
        createTestBroker('amqps://localhost:1', { tls });
      } catch (error) {
        if (error instanceof ConfigError) return error.message;
        throw error;
      }
      return 'none';
    };
    expect(problem({ cert: one.cert })).to.equal('broker: tls: key is missing: cert and key come together');
    expect(problem({ cert: one.cert, key: two.key })).to.equal('broker: tls: key does not belong to cert');
    expect(problem({ ca: 'CANARY' })).to.equal('broker: tls: ca is no certificate in PEM');
    expect(problem({ pins: ['CANARY'] })).to.equal('broker: tls: pins are SHA-256 in base64, 44 characters each');
  });
});
