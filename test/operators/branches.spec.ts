/** Branches stay with the subscriber they were scattered for, whatever else it is given to tear down. */
import { expect } from 'chai';
import { Observable, of } from 'rxjs';
import { scatter } from '../../src/operators/branches.ts';
import { LeanSubscriber } from '../../src/operators/lean-subscriber.ts';

describe('scatter', () => {
  it('ends branches that begin after the subscriber was given something else to tear down', () => {
    const torn: string[] = [];
    const sink = new LeanSubscriber<unknown>();
    const second = new Observable(() => () => torn.push('second'));
    // All that have begun have ended by then; the second is still to come.
    const fulfilled = (): void => sink.add(() => torn.push('other'));
    scatter({ first: of(1), second }, sink, { fulfilled, rejected: () => {} });
    sink.unsubscribe();
    expect(torn).to.have.members(['second', 'other']);
  });
});
