/**
 * An API of a simulated world: takes its time, fails, refuses, loses answers, and remembers effects by their keys. One for all workers, as in
 * life; what a worker gives up waiting for happens all the same once it has arrived.
 */
import { NEVER, Observable, type Subscriber } from 'rxjs';
import { type Transport, TransportError, type TransportRequest, type TransportResponse } from '../../http/transport.ts';
import { durationMs } from '../../policies/duration.ts';
import type { Random } from '../../policies/random.ts';
import { type Answer, bodyOf, httpError, responseOf, status } from '../pipelines/answers.ts';
import type { LifeParts } from './line.ts';
import type { SimulatedApiOptions } from './options.ts';
import { type Routed, route, routesOf } from './routes.ts';
import type { Effect } from './simulation-end.ts';
import type { LifeRef, WorldEventBody } from './world-event.ts';

/** What is wrong with an API for a while. */
export interface ApiTrouble {
  outage: 'refused' | 'unavailable' | 'silent' | undefined;
  slowFactor: number;
  /** Every request is answered 429; with so many seconds of `Retry-After`, if it is a number. */
  refusesAll: { readonly retryAfterSeconds: number | undefined } | undefined;
  /** Share of answers that are lost. */
  lostRatio: number;
}

const noTrouble = (): ApiTrouble => ({ outage: undefined, slowFactor: 1, refusesAll: undefined, lostRatio: 0 });

export interface ApiWorld {
  readonly emit: (event: WorldEventBody) => void;
  readonly after: (ms: number, work: () => void) => void;
  readonly now: () => number;
  readonly random: Random;
}

/** What a request meets when it has arrived; undefined for no answer at all. */
type Reply = Answer | 'broken' | undefined;

export class SimulatedApi {
  readonly name: string;
  trouble = noTrouble();
  readonly effects: Effect[] = [];
  readonly #world: ApiWorld;
  readonly #routes: ReturnType<typeof routesOf>;
  readonly #unusedAnswers: Set<string>;
  readonly #leastMs: number;
  readonly #mostMs: number;
  readonly #capacity: number;
  readonly #honoursKeys: boolean;
  #failureRatio: number;
  #lostAnswerRatio: number;
  /** First answers by key. */
  readonly #answers = new Map<string, Answer>();
  readonly #inFlight = new Map<LifeRef, number>();
  #served = 0;

  constructor(name: string, options: SimulatedApiOptions, world: ApiWorld) {
    const { latency = [5, 400], capacity = Number.POSITIVE_INFINITY, honoursKeys = true } = options;
    const { failureRatio = 0.02, lostAnswerRatio = 0.01 } = options;
    this.name = name;
    this.#world = world;
    this.#routes = routesOf(options, name);
    this.#unusedAnswers = new Set(this.#routes.map(({ operation }) => operation.text));
    this.#leastMs = durationMs(latency[0]);
    this.#mostMs = durationMs(latency[1]);
    this.#capacity = capacity;
    this.#honoursKeys = honoursKeys;
    this.#failureRatio = failureRatio;
    this.#lostAnswerRatio = lostAnswerRatio;
  }

  /** Operations that it has an answer for, and that no request was for. */
  get unusedAnswers(): readonly string[] {
    return [...this.#unusedAnswers];
  }

  /** From now on it does what it is asked for. */
  heal(): void {
    this.trouble = noTrouble();
    this.#failureRatio = 0;
    this.#lostAnswerRatio = 0;
  }

  /** How one life of a worker reaches it. */
  transportFor(life: LifeParts): Transport {
    return (request) =>
      new Observable((subscriber) => {
        life.reach('beforeCall');
        return (life.isDead() ? NEVER : this.#exchange(request, life)).subscribe(subscriber);
      });
  }

  #exchange(request: TransportRequest, life: LifeParts): Observable<TransportResponse> {
    return new Observable((subscriber) => {
      const routed = route(this.#routes, request);
      this.#unusedAnswers.delete(routed.operation);
      const correlationId = decodeURIComponent(request.headers['x-correlation-id'] ?? '');
      const about = {
        life: life.ref,
        api: this.name,
        operation: routed.operation,
        request: life.number(),
        correlationId,
      };
      this.#world.emit({ kind: 'called', ...about, inFlight: this.#count(life.ref, 1) });
      let isOver = false;
      const end = (how: number | 'broken' | 'aborted'): boolean => {
        if (isOver) return false;
        isOver = true;
        const inFlight = this.#count(life.ref, -1);
        if (life.isDead()) return false;
        this.#world.emit({ kind: 'answered', ...about, how, inFlight });
        return true;
      };
      const { outage } = this.trouble;
      if (outage === 'refused') {
        this.#world.after(this.#leastMs, () => life.turn.run(() => breakOff(subscriber, end, 'connection refused')));
      } else if (outage !== 'silent') {
        const latencyMs = this.#latencyMs();
        const arrivesAfterMs = Math.floor(latencyMs * this.#world.random());
        this.#served++;
        this.#world.after(arrivesAfterMs, () => {
          const reply = this.#receive(request, routed, correlationId);
          this.#world.after(latencyMs - arrivesAfterMs, () => {
            this.#served--;
            life.turn.run(() => {
              if (reply === 'broken') breakOff(subscriber, end, 'connection reset');
              else if (reply !== undefined) this.#answer(subscriber, end, responseOf(reply, routed.request), life);
            });
          });
        });
      }
      return () => {
        end('aborted');
      };
    });
  }

  #answer(
    subscriber: Subscriber<TransportResponse>,
    end: (how: number) => boolean,
    response: TransportResponse,
    life: LifeParts,
  ): void {
    if (!end(response.status)) return;
    life.reach('afterAnswer');
    if (life.isDead()) return;
    subscriber.next(response);
    subscriber.complete();
  }

  /** The request is there: what it meets is decided now, and happens whether or not anybody waits for the answer. */
  #receive(request: TransportRequest, routed: Routed, correlationId: string): Reply {
    const { random } = this.#world;
    const { outage, refusesAll, lostRatio } = this.trouble;
    if (outage === 'silent') return undefined;
    if (outage !== undefined) return httpError(503);
    if (refusesAll !== undefined) return tooMany(refusesAll.retryAfterSeconds);
    if (this.#served > 2 * this.#capacity) return tooMany(1);
    const isFailing = random() < this.#failureRatio;
    const isBefore = random() < 0.5;
    if (isFailing && isBefore) return httpError(503);
    const answer = this.#perform(request, routed, correlationId);
    if (isFailing) return httpError(500);
    const isLost = random() < Math.max(lostRatio, this.#lostAnswerRatio);
    if (isLost) return random() < 0.5 ? 'broken' : undefined;
    return answer;
  }

  #perform(request: TransportRequest, { request: asked, operation, answerer }: Routed, correlationId: string): Answer {
    const key = request.headers['idempotency-key'];
    const known = key === undefined || !this.#honoursKeys ? undefined : this.#answers.get(key);
    if (known !== undefined) return known;
    const given = answerer(asked, this.#world.random);
    const answer = { ...given, body: bodyOf(given, asked) };
    if (key !== undefined) this.#answers.set(key, answer);
    if (answer.status >= 400 || request.method === 'GET') return answer;
    const { body } = asked;
    const { name: api } = this;
    this.effects.push({ api, operation, at: this.#world.now(), correlationId, body, answer: answer.body });
    const identity = `${request.method} ${request.path} ${JSON.stringify(body) ?? ''}`;
    this.#world.emit({ kind: 'effect', api, operation, correlationId, key, identity });
    return answer;
  }

  /** Between the bounds, the short ones more often; more when it has more to do than it can. */
  #latencyMs(): number {
    const drawn = this.#leastMs + (this.#mostMs - this.#leastMs) * this.#world.random() ** 3;
    return Math.ceil(drawn * this.trouble.slowFactor * Math.max(1, (this.#served + 1) / this.#capacity));
  }

  #count(life: LifeRef, change: 1 | -1): number {
    const inFlight = (this.#inFlight.get(life) ?? 0) + change;
    this.#inFlight.set(life, inFlight);
    return inFlight;
  }
}

const tooMany = (retryAfterSeconds: number | undefined): Answer =>
  status(429, undefined, retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) });

function breakOff(subscriber: Subscriber<never>, end: (how: 'broken') => boolean, text: string): void {
  if (end('broken')) subscriber.error(new TransportError('network', text));
}
