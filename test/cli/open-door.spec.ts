import { expect } from 'chai';
import { z } from 'zod';
import { openDoor } from '../../src/cli/front-door.ts';
import { readConfig } from '../../src/config.ts';
import { createFacts } from '../../src/events.ts';
import { definePipeline, queue } from '../../src/index.ts';
import { type Logger, silentLogger } from '../../src/log.ts';

describe('the front door of a command', () => {
  it('can be asked to stop before the log tells that it is open', async () => {
    const told: string[] = [];
    const info = (_: object | string, text = ''): void => void told.push(text);
    const log: Logger = { ...silentLogger, info, child: () => log };
    const entered = definePipeline({
      name: 'entered',
      source: queue('entered'),
      input: z.object({}),
      ingress: { path: '/entered', auth: 'none' },
      handle: () => [],
    });
    const config = readConfig({ SLUICE_DOOR_PORT: '0' });
    const urls = ['amqp://127.0.0.1:9'];
    const door = await openDoor([entered], config, {
      log,
      facts: createFacts(),
      urls,
      onOpen: () => told.push('can be asked'),
    });
    await door?.close();
    expect(told.slice(0, 2)).to.deep.equal(['can be asked', 'the front door is open']);
  });
});
