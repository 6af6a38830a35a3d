import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { type QueueOptions, queue } from '../../../src/broker/queue.ts';
import { findingsOfVersion } from '../../../src/cli/doctor/version-rules.ts';
import { definePipeline } from '../../../src/pipeline/define-pipeline.ts';

describe('what the version of a broker means', () => {
  const on = (options: QueueOptions = {}) => [
    definePipeline({ name: 'orders', source: queue('orders', options), input: z.unknown(), handle: () => of() }),
  ];
  const told = (version: string, pipelines = on(), product = 'RabbitMQ'): readonly string[] =>
    findingsOfVersion(product, version, pipelines).map(
      ({ severity, finding }) => `${severity} ${finding.slice(0, 40).trim()}`,
    );

  it('is a problem where quorum queues, or a wait in them, do not exist', () => {
    expect(told('3.7.28')[0]).to.equal('problem has no quorum queues');
    expect(told('3.9.29')[0]).to.equal('problem has no time to live in quorum queues: wh');
    expect(told('3.9.29', on({ retry: false }))).to.have.length(1);
    expect(told('3.9.29', on({ type: 'classic' }))).to.have.length(1);
  });

  it('is a note for each rule that has changed since', () => {
    expect(told('3.13.7')).to.deep.equal(['note is of a series that gets no more fixes f']);
    expect(told('4.0.9')).to.deep.equal([
      'note gives quorum queues without a delivery l',
      'note ignores "x-death" of a client and keeps',
    ]);
    expect(told('4.1.0')).to.have.length(3);
    expect(told('4.2.5')).to.have.length(3);
    expect(told('4.3.6').slice(3)).to.deep.equal([
      'note asks who looks for a queue or exchange f',
      'note cancels the one consumer that keeps a de',
      'note hands on messages of quorum queues stric',
    ]);
    expect(told('4.3.6', on({ type: 'classic' })).at(-1)).to.equal('note cancels the one consumer that keeps a de');
    expect(told('4.10.0-rc.1')).to.have.length(6);
  });

  it('is a warning where a worker that only looks cannot start, whatever it may do', () => {
    const warning = 'warning lets only who may configure a queue or e';
    for (const version of ['4.2.6', '4.3.0']) expect(told(version)).to.include(warning);
    for (const version of ['4.2.5', '4.2.7', '4.3.1', '4.3.6']) expect(told(version)).to.not.include(warning);
  });

  it('is not guessed for another product', () => {
    expect(told('1.0', on(), 'LavinMQ')).to.deep.equal(['note is LavinMQ 1.0, not RabbitMQ']);
    expect(told('', on(), '')).to.deep.equal(['note is a broker that does not say what it is']);
  });
});
