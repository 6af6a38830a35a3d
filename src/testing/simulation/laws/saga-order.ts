import type { JournalRecord } from '../../../journal/journal.ts';
import type { Law } from './law.ts';

/** A saga as its journal tells it, whichever workers wrote. */
class SagaHistory {
  /** In the order they were done. */
  readonly done: string[] = [];
  readonly compensated: string[] = [];
  /** Begun; several at once where steps run at the same time. */
  readonly #intended = new Set<string>();
  #undoing: string | undefined;
  #inDoubt: readonly string[] = [];
  #isStarted = false;
  failure: string | undefined;
  end: string | undefined;

  /** @returns what is wrong with the record where it stands. */
  take(record: JournalRecord, compensable: ReadonlySet<string>): string | undefined {
    if (this.end !== undefined) return `it has ended as ${this.end} and goes on`;
    if (record.kind === 'started') {
      if (this.#isStarted) return 'it starts twice';
      this.#isStarted = true;
      return undefined;
    }
    if (!this.#isStarted) return 'it was not started';
    const isForward = FORWARD.has(record.kind);
    if (isForward && this.failure !== undefined) return `it goes forward after it turned back at ${this.failure}`;
    const isBackward =
      record.kind === 'compensationIntended' || record.kind === 'compensationDone' || record.kind === 'undone';
    if (isBackward && this.failure === undefined) return 'it goes back and no step has failed';
    switch (record.kind) {
      case 'stepIntended':
        if (this.done.includes(record.step)) return `step ${record.step} is done and repeated`;
        this.#intended.add(record.step);
        return undefined;
      case 'stepSkipped':
        return this.#intended.has(record.step) ? `step ${record.step} is skipped and was begun` : undefined;
      case 'stepDone':
        if (!this.#intended.has(record.step)) return `step ${record.step} is done and was not intended`;
        this.done.push(record.step);
        return undefined;
      case 'stepFailed':
        if (this.failure !== undefined) return `it turns back at ${record.step} and has at ${this.failure}`;
        this.failure = record.step;
        this.#inDoubt = record.inDoubt ?? [];
        return undefined;
      case 'compensationIntended':
        return this.#undo(record.step);
      case 'compensationDone':
        if (this.#undoing !== record.step) return `step ${record.step} is undone and that was not intended`;
        this.compensated.push(record.step);
        return undefined;
      case 'undone': {
        const left = this.done.find((step) => compensable.has(step) && !this.compensated.includes(step));
        if (left !== undefined) return `it ends undone, and step ${left} is not`;
        this.end = 'undone';
        return undefined;
      }
      case 'completed':
        this.end = 'completed';
        return undefined;
      case 'abandoned':
        this.end = 'abandoned';
        return undefined;
      case 'compensationFailed':
      case 'stuck':
      case 'kept':
        return undefined;
    }
  }

  #undo(step: string): string | undefined {
    const place = this.done.indexOf(step);
    if (place === -1 && this.#inDoubt.includes(step) && !this.compensated.some((other) => this.done.includes(other))) {
      this.#undoing = step;
      return undefined;
    }
    if (place === -1) return `step ${step} is undone and was not done`;
    if (this.compensated.includes(step)) return `step ${step} is undone twice`;
    const earlier = this.compensated.find((other) => this.done.includes(other) && this.done.indexOf(other) < place);
    if (earlier !== undefined) return `step ${step} is undone after ${earlier}, which was done before it`;
    this.#undoing = step;
    return undefined;
  }
}

const FORWARD: ReadonlySet<JournalRecord['kind']> = new Set(['stepIntended', 'stepSkipped', 'stepDone', 'completed']);

/** Steps one after the other and once; one decision to turn back; then compensations, each of a step that was done, in reverse order, all of them. */
export const sagaOrder: Law = {
  name: 'a saga goes forward, or back in reverse order',
  watch: () => {
    const histories = new Map<string, SagaHistory>();
    /** Steps that were ever undone, by saga: those that have a compensation. */
    const compensable = new Map<string, Set<string>>();
    return {
      see: (event) => {
        if (event.kind !== 'recorded') return undefined;
        const { saga, sagaId, record } = event;
        const name = `${saga} ${sagaId}`;
        const history = histories.get(name) ?? new SagaHistory();
        histories.set(name, history);
        const steps = compensable.get(saga) ?? new Set<string>();
        compensable.set(saga, steps);
        if (record.kind === 'compensationIntended') steps.add(record.step);
        const wrong = history.take(record, steps);
        return wrong === undefined
          ? undefined
          : { text: `saga ${saga} ${sagaId}: ${wrong} (${record.kind})`, messageId: sagaId };
      },
    };
  },
};
