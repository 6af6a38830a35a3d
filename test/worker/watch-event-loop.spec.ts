import { expect } from 'chai';
import sinon from 'sinon';
import { createFacts, type Fact } from '../../src/events.ts';
import { watchEventLoop } from '../../src/worker/watch-event-loop.ts';

describe('watchEventLoop', () => {
  const heard: Fact[] = [];
  let clock: sinon.SinonFakeTimers;
  let nowMs = 0;

  beforeEach(() => {
    heard.length = 0;
    clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    sinon.stub(performance, 'now').callsFake(() => nowMs);
  });
  afterEach(() => sinon.restore());

  const pass = (ms: number): void => {
    nowMs += ms;
    clock.tick(250);
  };

  it('F31: tells of a turn that took too long, once, when it is over', () => {
    const facts = createFacts();
    facts.stream.subscribe((fact) => heard.push(fact));
    const watch = watchEventLoop({ facts });
    pass(250);
    pass(1_200);
    expect(heard).to.deep.equal([]);
    pass(5_250);
    pass(250);
    expect(heard.map(({ at: _at, ...fact }) => fact)).to.deep.equal([{ type: 'eventLoopBlocked', blockedMs: 5_000 }]);
    watch.unsubscribe();
    expect(clock.countTimers()).to.equal(0);
    pass(9_000);
    expect(heard).to.have.length(1);
  });

  it('F42: takes no wall clock that is set forward for a blocked loop', () => {
    const facts = createFacts();
    facts.stream.subscribe((fact) => heard.push(fact));
    const watch = watchEventLoop({ facts });
    clock.setSystemTime(Date.now() + 3_600_000);
    pass(250);
    expect(heard).to.deep.equal([]);
    watch.unsubscribe();
  });
});
