/** Interim answers that nobody asked for, before answers over connections that are kept. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import type { ApiClient } from '../../src/http/api-client.ts';
import { clientOf, scopeOf } from './call-scope.ts';
import { lanes } from './lanes.ts';

const INTERIM = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 100 Continue\r\ncontent-length: 7\r\nx-unasked: yes\r\n\r\n',
  'HTTP/1.1 102 Processing\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n',
];
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"n":1}';

for (const [lane, prepare] of Object.entries(lanes)) {
  describe(`interim answers, by ${lane}`, () => {
    let server: Server;
    let client: ApiClient;
    const sockets: Socket[] = [];
    let pieceBytes = 1;

    before(async () => {
      server = createServer((socket) => {
        sockets.push(socket);
        socket.on('error', () => {});
        socket.on('data', async () => {
          const [whole, bytes] = [INTERIM.join('') + ANSWER, pieceBytes];
          for (let at = 0; at < whole.length; at += bytes) {
            socket.write(whole.slice(at, at + bytes));
            await setImmediate();
          }
        });
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as AddressInfo;
      client = clientOf({
        baseUrl: `http://127.0.0.1:${port}`,
        retry: false,
        timeout: '5s',

        axios: prepare,
      });
    });
    after(async () => {
      await firstValueFrom(client.close(), { defaultValue: undefined });
      for (const socket of sockets) socket.destroy();
      server.close();
    });

    it('are passed over, however they are cut up, and the connection is kept', async () => {
      const api = client.bind(scopeOf());
      for (pieceBytes of [10_000, 23, 1]) expect(await firstValueFrom(api.get('/x'))).to.deep.equal({ n: 1 });
      expect(await firstValueFrom(api.post('/x', { a: 1 }))).to.deep.equal({ n: 1 });
      expect(sockets).to.have.length(1);
    });
  });
}
