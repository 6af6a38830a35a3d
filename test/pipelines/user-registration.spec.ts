/** What becomes of a registration, as marbles: the user is what counts, the welcome e-mail an extra. */
import { expect } from 'chai';
import { exchange } from 'sluice';
import {
  ack,
  call,
  deadLetter,
  httpError,
  marbles as marblesOf,
  message,
  networkError,
  ok,
  published,
  retry,
} from 'sluice/testing';
import userRegistration from '../../pipelines/user-registration.ts';

const marbles = marblesOf<'ums' | 'email'>;

const registration = { username: 'ada', email: 'ada@example.com', password: 'secret' };
const created = ok({ id: 'u-1', email: 'ada@example.com', username: 'ada' });
const create = call('ums', 'POST /users', { body: registration });
const welcome = call('email', 'POST /send-email', {
  body: { to: 'ada@example.com', subject: 'Welcome', body: 'Welcome, ada!', template: 'welcome-email' },
});
const registered = (emailStatus: string) =>
  published(exchange('users', 'user.registered'), { userId: 'u-1', emailStatus });

const evenly = { random: () => 0.5 };

describe('user-registration', () => {
  it(
    'creates the user, then sends the welcome e-mail',
    marbles(userRegistration, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                         a-----', { a: registration });
      api.ums.on('POST /users', '       --(c|)', { c: created });
      api.email.on('POST /send-email', '  -(s|)', { s: ok() });

      expectCalls('                     c-w---', { c: create, w: welcome });
      expectPublished('                 ---p--', { p: registered('sent') });
      expectSettled('                   ---A--', { A: ack(registration) });
    }),
  );

  it(
    'registers the user even when the e-mail cannot be sent',
    marbles(userRegistration, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                         a-----', { a: registration });
      api.ums.on('POST /users', '       --(c|)', { c: created });
      api.email.on('POST /send-email', '  -#  ', {}, httpError(400));

      expectCalls('                     c-w---', { c: create, w: welcome });
      expectPublished('                 ---p--', { p: registered('failed-to-send') });
      expectSettled('                   ---A--', { A: ack(registration) });
    }),
  );

  it(
    'tries later, from the broker, when the user service is down, and creates the user once',
    marbles(userRegistration, evenly, ({ deliver, api, expectCalls, expectSettled }) => {
      deliver('                         a', { a: registration });
      api.ums.on('POST /users', ['      #', '#', '#', '-(c|)'], { c: created }, networkError('ECONNREFUSED'));
      api.email.on('POST /send-email', '-(s|)', { s: ok() });

      expectCalls('                     c 49ms c 99ms c 4999ms cw', { c: create, w: welcome });
      expectSettled('                   - 49ms - 99ms R 4999ms --A', {
        R: retry(registration, '5s', 'ERR_RETRY_EXHAUSTED'),
        A: ack(registration),
      });
    }),
  );

  it(
    'gives up on a user service that does not answer in time, and keeps the message for people when all tries are over',
    marbles(userRegistration, evenly, ({ deliver, api, expectSubscriptions, expectSettled, expectDeadLetters }) => {
      const lastTry = message(registration, { attempt: 4 });
      deliver('                         a', { a: lastTry });
      const hanging = api.ums.on('POST /users', '-');

      expectSubscriptions(hanging.subscriptions).toBe([
        '                               ^ 4999ms !',
        '                               - 4999ms - 49ms ^ 4999ms !',
        '                               - 4999ms - 49ms - 4999ms - 99ms ^ 4999ms !',
      ]);
      expectSettled('                   - 4999ms - 49ms - 4999ms - 99ms - 4999ms D', { D: deadLetter(lastTry) });
      expectDeadLetters('               - 4999ms - 49ms - 4999ms - 99ms - 4999ms D', {
        D: { body: registration, code: 'ERR_RETRY_EXHAUSTED', causeCode: 'ERR_CALL_TIMEOUT', attempts: 4 },
      });
    }),
  );

  it(
    'dead-letters a registration the user service refuses, and sends no e-mail',
    marbles(userRegistration, ({ deliver, api, expectCalls, expectSettled, expectDeadLetters }) => {
      deliver('                         a-', { a: registration });
      api.ums.on('POST /users', '       -#', {}, httpError(409));

      expectCalls('                     c-', { c: create });
      expectSettled('                   -D', { D: deadLetter(registration, 'ERR_HTTP_STATUS') });
      expectDeadLetters('               -D', { D: { reason: 'ums POST /users: answered 409', attempts: 1 } });
    }),
  );

  it(
    'takes no registrations while the user service fails, but does not care about the e-mail service',
    marbles(userRegistration, evenly, ({ deliver, api, expectConsuming, expectFacts }) => {
      deliver('                         (aaaaaaa)', { a: registration });
      api.ums.on(
        'POST /users',
        [...new Array<string>(20).fill('-#'), ...new Array<string>(7).fill('-(c|)')],
        { c: created },
        httpError(500),
      );
      api.email.on('POST /send-email', '-#', {}, httpError(500));

      expectFacts('breakerChanged', '    - 5052ms o 14999ms hc', {
        o: { api: 'ums', state: 'open' },
        h: { api: 'ums', state: 'half-open' },
        c: { api: 'ums', state: 'closed' },
      });
      expectConsuming('                 t 5052ms f 14999ms t-');
    }),
  );

  it('is a request over the front door, answered with what became of the e-mail', () => {
    const { ingress } = userRegistration;
    expect(ingress).to.deep.include({ method: 'POST', path: '/users', auth: 'none', waitMs: 10_000 });
    const registered = { userId: 'u-1', emailStatus: 'sent' };
    expect(ingress?.respond(registered)).to.deep.equal({ status: 201, body: registered });
    expect(ingress?.responses['201']?.safeParse({ ...registered, emailStatus: 'lost' }).success).to.equal(false);
  });
});
