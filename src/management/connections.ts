/**
 * The connections of the management server, bounded. A new one is always let in: where there are too many, the one that has waited longest
 * without asking anything is cut, so that those who open connections and stay silent cannot keep a health check out.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export function boundConnections(server: Server, max: number): void {
  /** Those without a request under way, the longest waiting first. */
  const idle = new Set<Socket>();
  let open = 0;
  server.on('connection', (socket: Socket) => {
    open++;
    idle.add(socket);
    socket.on('close', () => {
      open--;
      idle.delete(socket);
    });
    if (open > max) for (const longest of idle) return void longest.destroy();
  });
  server.on('request', ({ socket }, response) => {
    idle.delete(socket);
    response.on('close', () => {
      if (!socket.destroyed) idle.add(socket);
    });
  });
}
