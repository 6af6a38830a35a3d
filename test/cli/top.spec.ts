import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { top } from '../../src/cli/top.ts';

describe('sluice top', () => {
  it('ends as it was told to, not with a mistake, where it is told so while it waits for an answer', async () => {
    const hanging = createServer(() => process.emit('SIGTERM', 'SIGTERM')).listen(0, '127.0.0.1');
    try {
      await once(hanging, 'listening');
      const { port } = hanging.address() as AddressInfo;
      expect(await top(`http://127.0.0.1:${port}`, { once: true })).to.equal(0);
    } finally {
      hanging.close();
      hanging.closeAllConnections();
    }
  });
});
