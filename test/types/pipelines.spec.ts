/** What the types promise to authors: everything inferred, and mistakes found by the compiler. `npm run types` is the check. */
import { expect } from 'chai';
import { expectTypeOf } from 'expect-type';
import { map, type Observable, of } from 'rxjs';
import {
  type Call,
  type CodecOptions,
  codec,
  defineApi,
  definePipeline,
  defineService,
  env,
  every,
  exchange,
  gather,
  gatherSettled,
  outbox,
  queue,
  saga,
  schedule,
} from 'sluice';
import { z } from 'zod';

const payment = defineApi('payment', { baseUrl: env.url('SLUICE_SPEC_PAYMENT', 'http://localhost:1') });
const shipping = defineApi('shipping', { baseUrl: 'http://localhost:2' });
const Order = z.object({
  id: z.string(),
  amount: z.number(),
  placedAt: z.iso.datetime().transform((text) => new Date(text)),
});
const Charge = z.object({ transaction_id: z.string() });
const base = { name: 'typed', source: queue('typed'), input: Order, apis: { payment } };

describe('the types of a pipeline', () => {
  it('infer the message, the context and the result', () => {
    definePipeline({
      ...base,
      handle: (order, context) => {
        expectTypeOf(order).toEqualTypeOf<{ id: string; amount: number; placedAt: Date }>();
        expectTypeOf(context.attempt).toBeNumber();
        expectTypeOf(context.deadline).toBeNumber();
        expectTypeOf(context.messageId).toBeString();
        expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
        const charged = context.apis.payment.post('/charge', order, { response: Charge });
        expectTypeOf(charged).toEqualTypeOf<Call<{ transaction_id: string }>>();
        expectTypeOf(context.apis.payment.get('/x')).toEqualTypeOf<Call<unknown>>();
        return charged.pipe(map(({ transaction_id }) => ({ transaction_id, id: order.id })));
      },
      output: (result, message) => {
        expectTypeOf(result).toEqualTypeOf<{ transaction_id: string; id: string }>();
        expectTypeOf(message.placedAt).toEqualTypeOf<Date>();
        return exchange('out', result.id);
      },
    });
  });

  it('refuse a codec that gives promises, and take any other', () => {
    const contentType = 'application/x-typed';
    const encode = (value: { n: number }): Uint8Array => Buffer.from(String(value.n));
    // @ts-expect-error codecs are synchronous
    codec({ contentType, encode, decode: async (body) => body.byteLength });
    // @ts-expect-error now and then a promise
    codec({ contentType, encode, decode: ({ byteLength }) => (byteLength === 0 ? 0 : Promise.resolve(byteLength)) });
    // @ts-expect-error codecs are synchronous
    codec({ contentType, encode: async ({ byteLength }: Uint8Array) => Buffer.alloc(byteLength), decode: () => 1 });

    codec({ contentType, encode, decode: (body) => ({ n: body.byteLength }) });
    codec({ contentType, encode, decode: (body) => JSON.parse(Buffer.from(body).toString()) });
    codec({ contentType, encode, decode: (body): unknown => body });
    codec({ contentType, encode, decode: ({ byteLength }) => (byteLength === 0 ? undefined : [byteLength]) });
    codec({
      contentType,
      encode,
      decode: () => {
        throw new RangeError('none');
      },
    });
    codec<{ n: number }>({
      contentType,
      decode: (body) => {
        expectTypeOf(body).toEqualTypeOf<Uint8Array>();
        return body.byteLength;
      },
      encode: (value) => {
        expectTypeOf(value).toEqualTypeOf<{ n: number }>();
        return encode(value);
      },
    });
    const decode = <Value>(read: (body: Uint8Array) => Value) =>
      codec({ contentType, encode, decode: (body): unknown => read(body) });
    expect(decode(() => 1).contentType).to.equal(contentType);
    const options: CodecOptions<{ n: number }> = { contentType, encode, decode: (body) => body };
    expect(codec(options).contentType).to.equal(contentType);
  });

  it('take a codec in a generic helper, and refuse one that gives promises there too', () => {
    const contentType = 'application/x-protobuf';
    interface Message<Value> {
      decode(body: Uint8Array): Value;
      encode(value: Value): { finish(): Uint8Array };
    }
    const helpers = {
      protobuf: <Value>(type: Message<Value>) =>
        codec({
          contentType,
          decode: (body) => type.decode(body),
          encode: (value: Value) => type.encode(value).finish(),
        }),
      ofObjects: <Value extends object>({ decode, encode }: Message<Value>) =>
        codec({ contentType, decode, encode: (value: Value) => encode(value).finish() }),
      orNone: <Value>(type: Message<Value>) =>
        codec({
          contentType,
          decode(body) {
            return body.byteLength === 0 ? undefined : type.decode(body);
          },
          encode: (value: Value) => type.encode(value).finish(),
        }),
      late: <Value>(type: Message<Value>) =>
        // @ts-expect-error codecs are synchronous
        codec({ contentType, decode: async (body) => type.decode(body), encode: () => Buffer.alloc(0) }),
      lateBySchema: <Value extends PromiseLike<unknown>>(type: Message<Value>) =>
        // @ts-expect-error codecs are synchronous
        codec({ contentType, decode: (body) => type.decode(body), encode: () => Buffer.alloc(0) }),
    };
    const type = { decode: (body: Uint8Array) => body.byteLength, encode: () => ({ finish: () => Buffer.alloc(0) }) };
    expect(helpers.protobuf(type).decode(Buffer.alloc(2))).to.equal(2);
  });

  it('refuse a codec that gives a promise in any form', () => {
    const [contentType, encode] = ['application/x-typed', () => Buffer.alloc(0)];
    const later = async ({ byteLength }: Uint8Array): Promise<number> => byteLength;
    class Late<Value> extends Promise<Value> {}
    codec({
      contentType,
      encode,
      // @ts-expect-error a method
      async decode(body) {
        return body.byteLength;
      },
    });
    // @ts-expect-error a reference
    codec({ contentType, encode, decode: later });
    // @ts-expect-error something that can be waited for
    codec({ contentType, encode, decode: (body): PromiseLike<number> => later(body) });
    // @ts-expect-error a promise of one's own
    codec({ contentType, encode, decode: () => new Late<number>(() => {}) });
    // @ts-expect-error of anything
    codec({ contentType, encode, decode: async (body) => JSON.parse(String(body)) });
    // @ts-expect-error of nothing
    codec({ contentType, encode, decode: async () => {} });
    // @ts-expect-error that only fails
    codec({ contentType, encode, decode: () => Promise.reject(new RangeError('none')) });

    codec({ contentType, encode, decode: (body): { then: string } => JSON.parse(String(body)) });
    codec({ contentType, encode, decode: (): { then?: string } => ({}) });
  });

  it('infer what a service is asked and what it answers', () => {
    const rates = defineService('rates', {
      queue: 'rates',
      operations: {
        quote: { request: z.object({ at: z.iso.datetime().optional(), kilograms: z.number() }), answer: Order },
        touch: { request: z.string() },
      },
    });
    definePipeline({
      ...base,
      apis: { payment, rates },
      handle: (order, { apis }) => {
        const asked = apis.rates.ask('quote', { kilograms: order.amount }, { within: '1s' });
        expectTypeOf(asked).toEqualTypeOf<Call<{ id: string; amount: number; placedAt: Date }>>();
        expectTypeOf(apis.rates.ask('touch', 'x')).toEqualTypeOf<Call<unknown>>();
        const both = gather({ a: apis.payment.get('/x', { response: Charge }), b: asked });
        expectTypeOf(both).toExtend<Observable<{ a: { transaction_id: string }; b: { placedAt: Date } }>>();
        // @ts-expect-error no such operation
        void apis.rates.ask('other', {});
        // @ts-expect-error kilograms are no text
        void apis.rates.ask('quote', { kilograms: '3' });
        // @ts-expect-error a service has no paths
        void apis.rates.get;
        // @ts-expect-error an API is not asked
        void apis.payment.ask;
        return asked;
      },
      output: (quote) => exchange('out', quote.placedAt.toISOString()),
    });
    const booked = saga({ name: 'book', input: Order, apis: { rates }, id: ({ id }) => id })
      .step('quote', ({ input, apis }) => apis.rates.ask('quote', { kilograms: input.amount }))
      .returns(({ results }) => results.quote.placedAt);
    expectTypeOf(booked).returns.toExtend<Observable<unknown>>();
  });

  it('take promises and iterables from a handle', () => {
    definePipeline({ ...base, handle: async () => ({ a: 1 }), output: ({ a }) => exchange('out', `k.${a.toFixed()}`) });
    definePipeline({ ...base, handle: () => [1, 2], output: (n) => exchange('out', `k.${n.toFixed()}`) });
  });

  it('refuse an API that is not declared', () => {
    // @ts-expect-error 'shipping' is not among the pipeline's apis
    definePipeline({ ...base, handle: (_, { apis }) => apis.shipping.post('/x') });
  });

  it('refuse an output for a result of another shape', () => {
    // @ts-expect-error the handle's result has no 'missing'
    definePipeline({ ...base, handle: () => of({ there: 1 }), output: (result) => exchange('out', result.missing) });
    // @ts-expect-error an output gives destinations, not text
    definePipeline({ ...base, handle: () => of(1), output: () => 'out' });
  });

  it('refuse a handle that emits calls in place of their answers', () => {
    // @ts-expect-error an async function gives the call, and nobody makes it
    definePipeline({ ...base, handle: async (order, { apis }) => apis.payment.post('/charge', order) });
    // @ts-expect-error so does map
    definePipeline({ ...base, handle: (o, { apis }) => of(o).pipe(map(() => apis.payment.post('/charge', o))) });
    // @ts-expect-error nor does one among values
    definePipeline({ ...base, handle: (o, { apis }) => of(o.id === '' ? 0 : apis.payment.post('/charge', o)) });
    // @ts-expect-error and a list
    definePipeline({ ...base, handle: (order, { apis }) => [apis.payment.post('/charge', order)] });
    definePipeline({ ...base, handle: (order): unknown[] => [order] });
  });

  it('refuse options that do not exist and durations that are none', () => {
    // @ts-expect-error 'concurency'
    expect(() => definePipeline({ ...base, concurency: 3, handle: () => of(1) })).to.throw('concurrency');
    // @ts-expect-error '5 seconds' is no duration
    expect(() => definePipeline({ ...base, timeout: '5 seconds', handle: () => of(1) })).to.throw('timeout');
    // @ts-expect-error a message has no 'nope'
    definePipeline({ ...base, order: { by: (message) => message.nope }, handle: () => of(1) });
  });
});

describe('the types of a source', () => {
  it('give a firing to the handle of a schedule, without an input', () => {
    definePipeline({
      name: 'typed',
      source: every('5m'),
      apis: { payment },
      handle: (firing, { apis }) => {
        expectTypeOf(firing).toEqualTypeOf<{ scheduledAt: Date }>();
        return apis.payment.get('/x', { response: Charge });
      },
      output: ({ transaction_id }, { scheduledAt }) => exchange('out', `${transaction_id}.${scheduledAt.getTime()}`),
    });
    definePipeline({
      name: 'typed',
      source: schedule('0 2 * * *', { timeZone: 'Europe/Berlin' }),
      handle: ({ scheduledAt }) => of(scheduledAt),
    });
  });

  it('take an input of the author all the same', () => {
    const At = z.object({ scheduledAt: z.string() });
    definePipeline({
      name: 'typed',
      source: every('5m'),
      input: At,
      handle: (firing) => {
        expectTypeOf(firing).toEqualTypeOf<{ scheduledAt: string }>();
        return of(firing);
      },
    });
  });

  it('ask for an input where messages have no shape of their own', () => {
    // @ts-expect-error a queue takes anything: 'input' says what
    expect(() => definePipeline({ name: 'typed', source: queue('typed'), handle: () => of(1) })).to.throw('input');
    const withoutInput = () =>
      // @ts-expect-error told here, of 'input', and not of what the handle gives
      definePipeline({
        name: 'typed',
        source: queue('typed'),
        apis: { shipping },
        handle: (message, { apis }) => apis.shipping.post('/x', message),
      });
    expect(withoutInput).to.throw('input');
    const rows = outbox({ url: 'postgres://localhost/typed' });
    // @ts-expect-error so does an outbox
    expect(() => definePipeline({ name: 'typed', source: rows, handle: () => of(1) })).to.throw('input');
  });

  it('refuse options that do not exist', () => {
    // @ts-expect-error 'timezone'
    expect(() => schedule('* * * * *', { timezone: 'UTC' })).to.throw('timezone');
    // @ts-expect-error '5 minutes' is no duration
    expect(() => every('5 minutes')).to.throw('expected a duration');
  });
});

describe('the types of a saga', () => {
  const begin = saga({ name: 'typed', input: Order, apis: { payment, shipping }, id: (order) => order.id });

  it('give results and answers as they come back from the journal: a date is a text there', () => {
    const handle = begin
      .step('look', () => of({ page: { toJSON: () => ({ at: new Date(0), all: ['a'] }) } }))
      .step('charge', ({ apis }) => apis.payment.post('/charge', {}, { response: Order }))
      .step('ship', {
        run: () => of(1),
        result: z.object({ days: z.array(z.date()), note: z.string().optional() }),
        compensate: ({ results }) => {
          expectTypeOf(results.look.page).toEqualTypeOf<{ at: string; all: string[] }>();
          expectTypeOf(results.charge).toEqualTypeOf<{ id: string; amount: number; placedAt: string }>();
          return of(results.ship.days.map((day) => day.toUpperCase()));
        },
      })
      .returns(({ input, results }) => ({ placedAt: input.placedAt, days: results.ship.days }));
    definePipeline({
      ...base,
      apis: { payment, shipping },
      handle,
      output: (result) => {
        expectTypeOf(result).toEqualTypeOf<{ placedAt: string; days: string[] }>();
        return exchange('out', result.placedAt);
      },
    });
  });

  it('give each step the results before it, and the answer both ends', () => {
    const handle = begin
      .step(
        'charge',
        ({ input, apis }) => apis.payment.post('/charge', { amount: input.amount }, { response: Charge }),
        ({ results }) => {
          expectTypeOf(results.charge).toEqualTypeOf<{ transaction_id: string }>();
          return of(1);
        },
      )
      .step('ship', ({ results }) => of(results.charge.transaction_id.length))
      .returns(({ results }) => ({ status: 'success' as const, size: results.ship }))
      .whenCompensated(({ failure }) => ({ status: 'failed' as const, step: failure.step }));
    definePipeline({
      ...base,
      apis: { payment, shipping },
      handle: handle,
      output: (result) => {
        expectTypeOf(result).toEqualTypeOf<{ status: 'success'; size: number } | { status: 'failed'; step: string }>();
        return exchange('out', result.status);
      },
    });
  });

  it('refuse results of steps that are not done yet', () => {
    // @ts-expect-error 'ship' comes later
    begin.step('charge', ({ results }) => of(results.ship)).step('ship', () => of(1));
    // @ts-expect-error a step does not see its own result
    begin.step('charge', ({ results }) => of(results.charge));
    begin
      .step('charge', () => of({ id: 'x' }))
      .step('ship', ({ results }) => {
        // @ts-expect-error the step's result has no 'wrong'
        return of(results.charge.wrong);
      });
  });

  it('give a step written out its schema, and its compensation the result', () => {
    begin
      .step('charge', {
        result: Charge,
        timeout: '5s',
        retry: { maxAttempts: 3, backoff: { initial: '1s' } },
        run: ({ input, apis }) => apis.payment.post('/charge', { amount: input.amount }),
        compensate: ({ results }) => {
          expectTypeOf(results.charge).toEqualTypeOf<{ transaction_id: string }>();
          return of(1);
        },
        undoInDoubt: ({ input, results }) => {
          // @ts-expect-error nobody knows of a result
          void results.charge;
          return of(input.id);
        },
      })
      .step('plain', {
        run: ({ results }) => of(results.charge.transaction_id.length),
        compensate: ({ results }) => of(results.plain.toFixed()),
      })
      .returns(({ results }) => {
        expectTypeOf(results.charge).toEqualTypeOf<{ transaction_id: string }>();
        expectTypeOf(results.plain).toBeNumber();
        return 'done';
      });
    // @ts-expect-error 'tries' is no option of a retry
    expect(() => begin.step('x', { run: () => of(1), retry: { tries: 3 } })).to.throw('tries');
    // @ts-expect-error a condition says true or false
    begin.step('y', { when: () => 'perhaps', run: () => of(1) });
  });

  it('make the result of a step with a condition one that may be missing', () => {
    begin
      .step('check', () => of({ isRisky: true }))
      .step('review', { when: ({ results }) => results.check.isRisky, run: () => of({ by: 'ada' }) })
      .step('after', ({ results }) => {
        expectTypeOf(results.review).toEqualTypeOf<{ by: string } | undefined>();
        // @ts-expect-error it may not have run
        return of(results.review.by);
      });
  });

  it('give steps that run at the same time the results before, and what follows theirs', () => {
    begin
      .step('first', () => of(1))
      .all({
        stock: ({ results }) => of(results.first.toFixed()),
        charge: {
          run: ({ apis, input }) => apis.payment.post('/charge', { id: input.id }, { response: Charge }),
          compensate: ({ results }) => of(results.first),
        },
      })
      .returns(({ results }) => {
        expectTypeOf(results.stock).toBeString();
        expectTypeOf(results.charge).toEqualTypeOf<{ transaction_id: string }>();
        return results.first;
      });
    begin
      .all((together) =>
        together
          .step('stock', () => of('reserved'))
          .step(
            'charge',
            ({ apis }) => apis.payment.post('/charge', {}, { response: Charge }),
            ({ results }) => {
              expectTypeOf(results.charge).toEqualTypeOf<{ transaction_id: string }>();
              return of(1);
            },
          )
          .step('note', { when: () => true, run: () => of(3) }),
      )
      .returns(({ results }) => {
        expectTypeOf(results.stock).toBeString();
        expectTypeOf(results.charge).toEqualTypeOf<{ transaction_id: string }>();
        expectTypeOf(results.note).toEqualTypeOf<number | undefined>();
        return 1;
      });
    // @ts-expect-error one does not see another's result
    begin.all({ a: () => of(1), b: ({ results }) => of(results.a) });
  });

  it('refuse to undo what comes after the point of no return', () => {
    const forward = begin.step('charge', () => of(1)).pivot();
    forward
      .step('ship', ({ results }) => of(results.charge.toFixed()))
      .step('mail', { when: () => false, run: () => of(true) })
      .returns(({ results }) => {
        expectTypeOf(results.ship).toBeString();
        expectTypeOf(results.mail).toEqualTypeOf<boolean | undefined>();
        return 1;
      });
    // On one line: TypeScript 6 names the call, where none of its forms fits, and 7 the option.
    // @ts-expect-error nothing is undone
    const undone = () => forward.step('late', { run: () => of(1), compensate: () => of(1) });
    expect(undone).to.throw('after the point of no return nothing is undone');
    // @ts-expect-error there is one point of no return
    void forward.pivot;
  });

  it('join the answers of earlier definitions', () => {
    const first = begin.step('charge', () => of(1)).returns(() => ({ v: 1 as const }));
    const second = saga({
      name: 'typed',
      version: 2,
      input: Order,
      apis: { payment, shipping },
      id: (order) => order.id,
    })
      .step('pay', () => of(1))
      .returns(() => ({ v: 2 as const }))
      .formerly(first);
    expectTypeOf(second).returns.toEqualTypeOf<Observable<{ v: 1 } | { v: 2 }>>();
    expect(second.saga).to.deep.equal({ name: 'typed', version: 2, stages: [['pay']] });
  });

  it('refuse an API the saga does not declare, and a pipeline that lacks one of the saga', () => {
    // @ts-expect-error no API 'email'
    begin.step('mail', ({ apis }) => apis.email.post('/send'));
    const handle = begin.step('charge', () => of(1)).returns(() => 'done');
    // @ts-expect-error the saga needs 'shipping' too
    definePipeline({ ...base, apis: { payment }, handle });
  });
});

describe('the types of a gather', () => {
  it('are those of its branches, by name', () => {
    expectTypeOf(gather({ a: of(1), b: Promise.resolve('x') })).toEqualTypeOf<
      Observable<{ readonly a: number; readonly b: string }>
    >();
    gatherSettled({ a: of(1) }, { within: '1s', atLeast: 1 }).subscribe(({ a }) => {
      if (a.status === 'fulfilled') expectTypeOf(a.value).toBeNumber();
      else expectTypeOf(a.reason).toEqualTypeOf<Error>();
    });
    // @ts-expect-error 'soon' is no duration
    expect(() => gather({ a: of(1) }, { within: 'soon' })).to.throw('soon');
  });
});
