/**
 * `sluice dlq retry`: puts letters into their queue again. Each is published with confirm and as mandatory, and acked only then; whatever
 * cuts that off leaves a letter in one place or in both, never in none. Its message id stays, so that the second one does nothing new.
 */
import { asyncScheduler } from 'rxjs';
import type { HeldDelivery } from '../../broker/dead-letters.ts';
import { codeOf, messageOf, ResultInvalidError } from '../../errors.ts';
import { failed, misconfigured, printJson } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { counted, oneLine } from '../print.ts';
import { queuePair, retryOf } from './copies.ts';
import { rehearseLetters } from './dry-run.ts';
import { type FilterOptions, readFilter, wrong } from './filter.ts';
import { InFlight } from './in-flight.ts';
import type { Letter } from './letter.ts';
import { lookThrough } from './look-through.ts';
import { renewedNote } from './ls.ts';
import { Progress } from './progress.ts';
import { Pace, parseRate, RATE_EXPECTED } from './rate.ts';
import { type Session, withSession } from './session.ts';

export interface RetryOptions extends FilterOptions {
  readonly rate: string;
  readonly dryRun?: boolean;
  readonly pipelines: string;
  readonly json?: boolean;
}

/** Letters published and not confirmed yet: a bound on what may lie in both queues after a crash. */
const MAX_IN_FLIGHT = 100;

export async function retry(name: string, options: RetryOptions): Promise<number> {
  const filter = readFilter(options, asyncScheduler.now(), { needsOne: true });
  const everyMs = parseRate(options.rate);
  const problems = [
    ...(typeof filter === 'function' ? [] : filter),
    ...(everyMs === undefined ? [wrong('--rate', `expected ${RATE_EXPECTED}, got "${options.rate}"`)] : []),
  ];
  if (problems.length > 0 || typeof filter !== 'function' || everyMs === undefined) return misconfigured(problems);
  if (options.dryRun === true) return rehearseLetters(queuePair(name), filter, options);
  return withSession((session) => new Retrying(session, name, everyMs).run(filter, options.json === true));
}

class Retrying {
  readonly #session: Session;
  readonly #pair: ReturnType<typeof queuePair>;
  readonly #pace: Pace;
  readonly #inFlight = new InFlight(MAX_IN_FLIGHT);
  readonly #progress = new Progress();
  #retried = 0;
  /** Published, or perhaps published, but not acked: in both queues, or only still here. */
  #inDoubt = 0;
  /** Letters AMQP cannot carry as they are. */
  #unsendable = 0;
  #failure: string | undefined;

  constructor(session: Session, name: string, everyMs: number) {
    this.#session = session;
    this.#pair = queuePair(name);
    this.#pace = new Pace(everyMs);
  }

  async run(filter: (letter: Letter) => boolean, isJson: boolean): Promise<number> {
    const { stop } = this.#session;
    let matched = 0;
    let [looked, ready, renewed] = [0, 0, 0];
    const take = async (delivery: HeldDelivery, letter: Letter): Promise<'taken' | 'left'> => {
      if (!filter(letter)) return 'left';
      matched++;
      await this.#pace.turn(stop);
      if (stop.aborted || this.#failure !== undefined) return 'taken';
      await this.#inFlight.add(this.#retryOne(delivery, letter));
      this.#progress.say(() => `retried ${this.#retried}; ${matched} of the letters looked at so far are to be`);
      return 'taken';
    };
    try {
      await lookThrough(this.#session, this.#pair, take, {
        isEnough: () => this.#failure !== undefined,
        beforeEnd: async (look) => {
          await this.#inFlight.ended();
          [looked, ready, renewed] = [look.looked, look.visit.ready, look.renewed];
        },
      });
    } catch (error) {
      this.#failure ??= messageOf(error);
    }
    this.#progress.end();
    const isCutShort = stop.aborted && this.#failure === undefined;
    if (isJson) {
      const { dead, work } = this.#pair;
      const counts = { letters: ready, looked, matched, retried: this.#retried, inDoubt: this.#inDoubt };
      const outcome = { unsendable: this.#unsendable, renewed, isCutShort, failure: this.#failure };
      printJson({ queue: dead, workQueue: work, ...counts, ...outcome });
    } else {
      this.#report(looked, matched, renewed, isCutShort);
    }
    if (this.#failure !== undefined) return failed(this.#failure);
    if (isCutShort) return EXIT.cutShort;
    return this.#unsendable > 0 ? EXIT.failed : EXIT.ok;
  }

  /** Never rejects. */
  async #retryOne(delivery: HeldDelivery, letter: Letter): Promise<void> {
    const { office } = this.#session;
    const { hold } = delivery;
    try {
      await office.publish(retryOf(delivery, letter, this.#pair));
    } catch (error) {
      if (error instanceof ResultInvalidError) {
        this.#unsendable++;
        return;
      }
      if (codeOf(error) === 'ERR_PUBLISH_UNKNOWN') this.#inDoubt++;
      this.#failure ??= messageOf(error);
      return;
    }
    if (hold.ack() === 'sent') this.#retried++;
    else this.#inDoubt++;
  }

  #report(looked: number, matched: number, renewed: number, isCutShort: boolean): void {
    const { dead, work } = this.#pair;
    const places = `${oneLine(dead)} → ${oneLine(work)}`;
    const asked = matched === 0 ? 'none is among those asked for' : `retried ${this.#retried} of ${matched} asked for`;
    console.log(`${places}: ${asked}, ${counted(looked, 'letter')} looked at`);
    if (isCutShort) console.log('  stopped as asked; the others are where they were');
    if (this.#unsendable > 0)
      console.log(`  ${counted(this.#unsendable, 'letter')} cannot be sent as they are and stay; see sluice dlq show`);
    if (this.#inDoubt > 0)
      console.log(`  ${counted(this.#inDoubt, 'letter')} may be in both queues: the message ids are the same`);
    if (renewed > 0) console.log(`  ${renewedNote(renewed)}`);
  }
}
