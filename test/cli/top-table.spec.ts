import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { tableOf } from '../../src/cli/top/table.ts';

describe('the table of sluice top', () => {
  const headOf = (isConnected: boolean | undefined): string | undefined =>
    stripVTControlCharacters(
      tableOf({ state: 'running', isConnected, pipelines: [], apis: [], queues: [] }, 'http://127.0.0.1:8080'),
    ).split('\n')[0];

  it('does not say that a broker which is blocked is away, and names who knows', () => {
    expect(headOf(true)).to.equal('http://127.0.0.1:8080  running  connected');
    expect(headOf(false)).to.equal('http://127.0.0.1:8080  running  broker away or blocked: /readyz says why');
  });

  it('says nothing of the broker where no worker process tells of it', () => {
    expect(headOf(undefined)).to.equal('http://127.0.0.1:8080  running  no worker process runs yet');
  });
});
