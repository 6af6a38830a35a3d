/** Branches stay with the subscriber they were scattered for, whatever else it is given to tear down. */
import { expect } from 'chai';
import { Observable, of } from 'rxjs';
import { scatter } from '../../src/operators/branches.ts';
import { unheard } from '../support/unheard.ts';

describe('scatter', () => {
  it('ends branches that begin after the subscriber was given something else to tear down', () => {
    const torn: string[] = [];
    const subscriber = unheard();
    const second = new Observable(() => () => torn.push('second'));
    new Observable((sink) => {
      // All that have begun have ended by then; the second is still to come.
      const fulfilled = (): void => sink.add(() => torn.push('other'));
      scatter({ first: of(1), second }, sink, { fulfilled, rejected: () => {} });
    }).subscribe(subscriber);
    subscriber.unsubscribe();
    expect(torn).to.have.members(['second', 'other']);
  });
});
