// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are texts of the source
/**
 * Faults an engine of this kind can have, each as an exact replacement in the source: `npm run mutants` plants one at a time and shows which
 * marble spec and which seed of the simulation catch it. A replacement that no longer applies fails a test of the suite.
 */

export interface Fault {
  /** What is wrong with the engine then. */
  readonly name: string;
  /** The file it is planted in. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly was: string;
  readonly becomes: string;
  /** Specs that look for it. Default: those in virtual time, and then seeds of the simulation. */
  readonly specs?: readonly string[];
}

/** Where a copy is stored. */
const STORES = `        complete: () => this.#tellRequester(settlement),
        error: (error: unknown) => this.#defect(error),
      }),
    );`;

export const faults: readonly Fault[] = [
  {
    name: 'acks before its results are confirmed',
    file: 'src/pipeline/settle.ts',
    was: '      this.#parts.publishResult(message, this.#journey, work, this);',
    becomes: `      const unheard = { confirmed: () => {}, failed: (error: unknown) => this.failed(error) };
      this.#parts.publishResult(message, this.#journey, work, unheard);
      this.confirmed();`,
  },
  {
    name: 'acks when the first of its results is confirmed',
    file: 'src/pipeline/settle.ts',
    was: 'if (--this.#unconfirmed > 0) return;',
    becomes: '',
  },
  {
    name: 'answers who asked before its results are confirmed',
    file: 'src/pipeline/settle.ts',
    was: '    this.#publish(results);',
    becomes: `    this.#publish([...results, ...answers]);
    this.#answers = NOTHING.answers;`,
  },
  {
    name: 'acks before the copy for the next try is confirmed',
    file: 'src/pipeline/settle.ts',
    was: STORES,
    becomes: `${STORES}
    if (settlement.kind === 'retry') this.#ack(settlement);`,
  },
  {
    name: 'acks before the dead letter is confirmed',
    file: 'src/pipeline/settle.ts',
    was: STORES,
    becomes: `${STORES}
    if (settlement.kind === 'deadLetter') this.#ack(settlement);`,
  },
  {
    name: 'acks in a finalize, whatever became of the results',
    file: 'src/pipeline/settle.ts',
    was: '    let work = this.#work;',
    becomes: `    let work = this.#work;
    work.add(() => this.#journey.delivery.ack());`,
  },
  {
    name: 'settles twice',
    file: 'src/pipeline/settle.ts',
    was: 'result: this.#journey.delivery.ack() });',
    becomes: 'result: (this.#journey.delivery.ack(), this.#journey.delivery.ack()) });',
  },
  {
    name: 'acks what it should give back',
    file: 'src/pipeline/settle.ts',
    was: 'result: this.#journey.delivery.requeue() });',
    becomes: 'result: this.#journey.delivery.ack() });',
  },
  {
    name: 'tries permanent failures again',
    file: 'src/pipeline/settle.ts',
    was: 'isTransient(failure.error)\n        ? nextDelayMs(pipeline, journey, failure.error, clockNow())\n        : undefined',
    becomes: 'nextDelayMs(pipeline, journey, failure.error, clockNow())',
  },
  {
    name: 'goes on with a message when its delivery is lost',
    file: 'src/pipeline/in-flight.ts',
    was: '      const isOfIt = (whereabouts: Whereabouts): boolean => whereabouts.lost === lost;',
    becomes: '      const isOfIt = (_: Whereabouts): boolean => false;',
  },
  {
    name: 'knows no channel epoch: settles deliveries of a channel that has gone',
    file: 'src/broker/embedded/port/port-consumer.ts',
    was: `      if (life.isOver || !life.channel.isOpen) return 'late';
      life.out--;`,
    becomes: `      if (life.isOver || !life.channel.isOpen) life = this.#life ?? life;
      life.out--;`,
  },
  {
    name: 'ignores the prefetch',
    file: 'src/pipeline/run-pipeline.ts',
    was: 'intake.consume(broker, count)',
    becomes: 'intake.consume(broker, count * 100)',
  },
  {
    name: 'acks at shutdown what it has not begun',
    file: 'src/pipeline/handle-message.ts',
    was: "this.#judge({ kind: 'returned', reason: 'the worker is draining' });",
    becomes: "this.#judge({ kind: 'done' });",
  },
  {
    name: 'takes messages while an API it needs is away',
    file: 'src/pipeline/run-pipeline.ts',
    was: 'switchMap((isOpen) => (isOpen ? deliveries : NEVER))',
    becomes: 'switchMap((isOpen) => (isOpen ? deliveries : deliveries))',
  },
  {
    name: 'runs messages in slots that stall on synchronous work',
    file: 'src/pipeline/run-pipeline.ts',
    was: "import { inSlots } from '../operators/in-slots.ts';",
    becomes: "import { mergeMap as inSlots } from 'rxjs';",
  },
  {
    name: 'keeps no order by key',
    file: 'src/pipeline/run-pipeline.ts',
    was: '  admission.ok ? `key ${admission.key}` : `tag ${journey.delivery.deliveryTag}`;',
    becomes: '  admission.ok ? `tag ${journey.delivery.deliveryTag}` : `tag ${journey.delivery.deliveryTag}`;',
  },
  {
    name: 'keeps no order of arrival',
    file: 'src/pipeline/run-pipeline.ts',
    was: 'inSlots(judgeAndFinish, 1)',
    becomes: 'inSlots(judgeAndFinish, concurrency)',
  },
  {
    name: 'handles one message more at once',
    file: 'src/operators/slot-loop.ts',
    was: 'if (this.#isStarting || this.#running >= this.#concurrency)',
    becomes: 'if (this.#isStarting || this.#running > this.#concurrency)',
  },
  {
    name: "ignores the message's deadline",
    file: 'src/pipeline/handle-message.ts',
    was: 'journey.deadlineAt < timeoutAt;',
    becomes: 'journey.deadlineAt < 0;',
  },
  {
    name: 'lets a handle run without a timeout',
    file: 'src/pipeline/handle-message.ts',
    was: '    this.#limit = this.#parts.limits.start(this, deadlineAt - startedAt, startedAt);\n',
    becomes: '',
  },
  {
    name: 'publishes what a try emitted before it failed',
    file: 'src/pipeline/handle-message.ts',
    was: `  onError(error: unknown): void {
    this.#isOver = true;`,
    becomes: `  onError(error: unknown): void {
    if (this.#results.length > 0) return this.onComplete();
    this.#isOver = true;`,
  },
  {
    name: 'gives each redelivery keys of its own',
    file: 'src/pipeline/message-context.ts',
    was: '? `${pipeline.name}/${messageId}`\n',
    becomes: '? `${pipeline.name}/${messageId}/${this.#journey.receivedAt}`\n',
  },
  {
    name: 'tries a message without an end: the ladder has no cap',
    file: 'src/pipeline/copies.ts',
    was: 'source.retryDelaysMs[tries - 1];',
    becomes: 'source.retryDelaysMs[Math.min(tries, source.retryDelaysMs.length) - 1];',
  },
  {
    name: 'does not count the tries of a message',
    file: 'src/pipeline/copies.ts',
    was: '[HEADER.attempt]: Math.min(attempt, source.retryDelaysMs.length) + 1,',
    becomes: '[HEADER.attempt]: attempt,',
  },
  {
    name: "names a message's results anew at each try",
    file: 'src/pipeline/results.ts',
    was: 'resultIdOf(pipeline.name, journey.identity.messageId, index)',
    becomes: 'resultIdOf(pipeline.name, `${journey.identity.messageId}${journey.receivedAt}`, index)',
  },
  {
    // Without an end it would go on for ever where time is virtual: no spec comes to fail.
    name: 'tries a call once more than it may',
    file: 'src/operators/retry-with-backoff.ts',
    was: 'if (this.#attempt >= maxAttempts) throw',
    becomes: 'if (this.#attempt > maxAttempts) throw',
  },
  {
    name: 'forgets what its retry budget has spent',
    file: 'src/policies/retry-budget.ts',
    was: '    this.#withdrawals.add(nowMs);\n',
    becomes: '',
  },
  {
    name: 'never opens a breaker',
    file: 'src/policies/circuit-breaker.ts',
    was: '      if (why !== undefined) this.#open(why, nowMs);\n',
    becomes: '      if (why === undefined) return;\n',
  },
  {
    name: 'never closes a breaker again',
    file: 'src/policies/circuit-breaker.ts',
    was: "        this.#close('probes-succeeded');",
    becomes: "        this.#open('probes-failed', nowMs);",
  },
  {
    name: 'lets one request more through the rate limit at each refill',
    file: 'src/policies/token-bucket.ts',
    was: '    this.#credit -= this.#options.periodMs;',
    becomes: '    this.#credit -= this.#options.periodMs / 2;',
  },
  {
    name: 'gives each attempt of a call a key of its own',
    file: 'src/http/attempt.ts',
    was: '    const headers = this.#headers();',
    becomes: `    const sent = this.#headers();
    const key = sent['idempotency-key'];
    const headers = key === undefined ? sent : { ...sent, 'idempotency-key': key + this.#number };`,
  },
  {
    name: 'keeps the slot of a call that was given up',
    file: 'src/http/attempt.ts',
    was: "      if (this.#place === 'in slot') pool.freeSlot();",
    becomes: "      if (this.#place === 'in slot' && this.#hasEnded) pool.freeSlot();",
  },
  {
    name: 'lets a call run on after its timeout',
    file: 'src/http/attempt.ts',
    was: '    if (!this.#subscriber.closed) this.#limit = this.#run.parts.limits.start(this, this.#timeoutMs, this.#startedAt);\n',
    becomes: '',
  },
  {
    name: 'ignores Retry-After',
    file: 'src/http/call.ts',
    was: 'cause instanceof HttpStatusError || cause instanceof ServiceFailedError ? (cause.retryAfterMs ?? 0) : 0;',
    becomes: 'cause instanceof HttpStatusError || cause instanceof ServiceFailedError ? 0 : 0;',
  },
  {
    name: 'compensates in forward order',
    file: 'src/saga/go-back.ts',
    was: 'filter(isLeft).reverse()) {',
    becomes: 'filter(isLeft)) {',
  },
  {
    name: 'does not write the result of a step down',
    file: 'src/saga/saga-run.ts',
    was: '          this.#journal.append(record),',
    becomes: "          record.kind === 'stepDone' ? [] : this.#journal.append(record),",
  },
  {
    name: 'does not write the intent of a step down',
    file: 'src/saga/saga-run.ts',
    was: '          this.#journal.append(record),',
    becomes: "          record.kind === 'stepIntended' ? [] : this.#journal.append(record),",
  },
  {
    name: 'does not write the decision to turn back down',
    file: 'src/saga/saga-run.ts',
    was: '          this.#journal.append(record),',
    becomes: "          record.kind === 'stepFailed' ? [] : this.#journal.append(record),",
  },
  {
    name: 'lets a saga go without its last word',
    file: 'src/pipeline/handle-message.ts',
    was: 'pipeline.lastWord !== undefined && isOfHandle',
    becomes: 'pipeline.lastWord === undefined && isOfHandle',
  },
  {
    name: 'gives up a saga that is begun because its message is too late',
    file: 'src/pipeline/handle-message.ts',
    was: '  lastWord === undefined && journey.deadlineAt !== undefined &&',
    becomes: '  (lastWord === undefined || true) && journey.deadlineAt !== undefined &&',
  },
  {
    name: 'tries what has to be undone no more when the message is too late',
    file: 'src/pipeline/copies.ts',
    was: 'delayMs !== undefined && lastWord === undefined && deadlineAt',
    becomes: 'delayMs !== undefined && deadlineAt',
  },
  {
    name: 'leaves a saga to a message that the broker may let expire',
    file: 'src/pipeline/handle-message.ts',
    was: 'if (mayHaveBegun && delivery.properties.expiration !== undefined) {',
    becomes: 'if (!mayHaveBegun && delivery.properties.expiration !== undefined) {',
  },
  {
    name: 'knows no fence: takes the word of a worker whose saga another has taken over',
    file: 'src/journal/memory-store.ts',
    was: 'if (entry?.fence !== fence) return throwError',
    becomes: 'if (entry === undefined) return throwError',
  },
  {
    name: 'believes a record that is torn',
    file: 'src/journal/create-journal.ts',
    was: 'if (seq !== records.length + 1 || checksum !== checksumOf(key, seq, body)) break;',
    becomes: 'if (seq !== records.length + 1) break;',
  },
  {
    name: 'compensates what is in doubt',
    file: 'src/saga/go-forward.ts',
    was: '(step.compensate !== undefined || step.undoInDoubt !== undefined) && !isRefusal(error);',
    becomes: '(step.compensate !== undefined || step.undoInDoubt !== undefined) && isRefusal(error);',
  },
  {
    name: 'never lets go of the journal of a saga',
    file: 'src/saga/run-saga.ts',
    was: '      take(1),\n',
    becomes: '',
  },
];
