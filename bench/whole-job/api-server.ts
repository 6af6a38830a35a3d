/** The API that is called: reads the body, answers a small JSON; after so many milliseconds, or never, where it is told to. In a process of its own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const answer = JSON.stringify({ ok: true, id: 'x'.repeat(20) });
const delayMs = Number(process.argv[2] ?? 0);
const server = createServer((request, response) => {
  const respond = (): void => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
    response.end(answer);
  };
  request.resume();
  request.on('end', () => {
    if (delayMs === 0) respond();
    else if (delayMs !== Number.POSITIVE_INFINITY) setTimeout(respond, delayMs);
  });
});
server.keepAliveTimeout = 60_000;
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`),
);
process.once('disconnect', () => process.exit());
