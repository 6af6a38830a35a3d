import { expect } from 'chai';
import { call, deadLetter, httpError, networkError, ok, published, retry, status } from 'sluice/testing';
import { a, b, done, failureOf, type Kit, passes, paying, printedBy, text, working } from './working.ts';

describe('marbles of a pipeline: api', () => {
  it(
    'answers each call by one diagram, or one call after the other by a list',
    passes(paying, ({ deliver, api, expectPublished, expectSubscriptions }) => {
      deliver('        a--a--a', { a });
      const answers = api.pay.on('POST /pay', ['-(x|)', '--(y|)', '(z|)'], {
        x: ok('x'),
        y: status(201, 'y'),
        z: ok('z'),
      });
      expectPublished('-x---yz', { x: published(done, 'x'), y: published(done, 'y'), z: published(done, 'z') });
      expectSubscriptions(answers.subscriptions).toBe(['^!', '---^-!', '------(^!)']);
    }),
  );

  it(
    'makes an answer of the request: body, query, headers and places of the path',
    passes(
      working((_, { apis: { pay: api } }) =>
        api.put(
          '/users/{id}/cards/{card}',
          { n: 1 },
          { path: { id: 'a/b', card: 7 }, params: { q: ['1', '2'] }, headers: { 'X-Tenant': 't' } },
        ),
      ),
      ({ deliver, api, expectPublished, expectCalls }) => {
        deliver('a', { a });
        api.pay.on('PUT /users/{id}/cards/{card}', '-(r|)', {
          r: ok(({ method, path, params, query, headers, body }) => ({
            method,
            path,
            params,
            query,
            tenant: headers['x-tenant'],
            body,
          })),
        });
        expectCalls('c', {
          c: call('pay', 'PUT /users/{id}/cards/{card}', {
            params: { id: 'a/b', card: '7' },
            query: { q: ['1', '2'] },
            headers: { 'x-tenant': 't' },
          }),
        });
        expectPublished('-p', {
          p: published(done, {
            method: 'PUT',
            path: '/users/a%2Fb/cards/7',
            params: { id: 'a/b', card: '7' },
            query: { q: ['1', '2'] },
            tenant: 't',
            body: { n: 1 },
          }),
        });
      },
    ),
  );

  it(
    'prefers the operation that says more',
    passes(
      working((_, { apis: { pay: api } }) => api.get('/users/me')),
      ({ deliver, api, expectPublished }) => {
        deliver('a', { a });
        api.pay.on('GET /users/{id}', '(r|)', { r: ok('any') });
        api.pay.on('GET /users/me', '(r|)', { r: ok('me') });
        expectPublished('p', { p: published(done, 'me') });
      },
    ),
  );

  it(
    'fails by status, by network and by an error of one’s own',
    passes(
      working(({ n }, { apis: { pay: api } }) => api.get(`/${n}`)),
      ({ deliver, api, expectSettled }) => {
        const c = { n: 3 };
        deliver('abc', { a, b, c });
        api.pay.on('GET /1', '#', {}, httpError(404));
        api.pay.on('GET /2', '#', {}, networkError('ECONNRESET'));
        api.pay.on('GET /3', '#', {}, new RangeError('mine'));
        expectSettled('XRZ 4998ms Q 59999ms W', {
          X: deadLetter(a, 'ERR_HTTP_STATUS'),
          R: retry(b, '5s', 'ERR_NETWORK'),
          Z: deadLetter(c, 'ERR_HANDLE_FAILED'),
          Q: retry(b, '1m'),
          W: deadLetter(b),
        });
      },
    ),
  );

  it('says which line answers a call that nothing answers', () => {
    const printed = printedBy(paying, ({ deliver }) => deliver('--a-aa', { a }));
    expect(printed).to.equal(
      text(
        'a call that nothing answers, at 2 ms:',
        "  call('pay', 'POST /pay', { body: { n: 1 } })",
        'add:',
        "  api.pay.on('POST /pay', '-(r|)', { r: ok() });",
        '  (and 2 more like it)',
      ),
    );
  });

  it('says what is answered, where it is another operation', () => {
    const printed = printedBy(paying, ({ deliver, api }) => {
      deliver('a', { a });
      api.pay.on('POST /pays', '(r|)', { r: ok(1) });
    });
    expect(printed).to.include("answered are 'POST /pays'\nadd:\n  api.pay.on('POST /pay', '-(r|)', { r: ok() });");
  });

  it('says that a list of answers is too short', () => {
    const printed = printedBy(paying, ({ deliver, api }) => {
      deliver('aa', { a });
      api.pay.on('POST /pay', ['(r|)'], { r: ok(1) });
    });
    expect(printed).to.equal(
      text(
        'one call more than there are answers, 1, at 1 ms:',
        "  call('pay', 'POST /pay', { body: { n: 1 } })",
        'add one to the list:',
        "  api.pay.on('POST /pay', […, '-(r|)'], { r: ok() });",
      ),
    );
  });

  it('says that a list of answers is too long', () => {
    const printed = printedBy(paying, ({ deliver, api }) => {
      deliver('a', { a });
      api.pay.on('POST /pay', ['(r|)', '-(r|)'], { r: ok(1) });
    });
    expect(printed).to.equal(
      text('fewer calls than there are answers: 1 of 2 were asked for', "  api.pay.on('POST /pay', […, …])"),
    );
  });

  for (const [title, say, problem] of [
    [
      'an operation that is none',
      ({ api }: Kit) => api.pay.on('POST pay', '-'),
      `api.pay.on("POST pay"): expected a method and a path, 'POST /orders/{id}', or of a service 'ASK name', got "POST pay"`,
    ],
    [
      'a path no call could have',
      ({ api }: Kit) => api.pay.on('GET /a?b=1', '-'),
      'api.pay.on("GET /a?b=1"): path must not hold ? or #, use the option params',
    ],
    [
      'an operation answered twice',
      ({ api }: Kit) => {
        api.pay.on('GET /', '-');
        api.pay.on('GET /', '-');
      },
      'api.pay.on("GET /"): is answered already; a list of diagrams answers one call after the other',
    ],
    [
      'a failure without a meaning',
      ({ api }: Kit) => api.pay.on('GET /', '-#'),
      'api.pay.on("GET /"): expected "#" to be given a meaning, httpError(…) or networkError(…), as the last argument',
    ],
    [
      'an answer that ends before it came',
      ({ api }: Kit) => api.pay.on('GET /', '-|'),
      'api.pay.on("GET /"): the answer ends before it came\n  -|\n   ^',
    ],
    [
      'two answers to one call',
      ({ api }: Kit) => api.pay.on('GET /', '-r-r|', { r: ok() }),
      'api.pay.on("GET /"): a second answer to one call\n  -r-r|\n     ^',
    ],
    [
      'an answer that never ends',
      ({ api }: Kit) => api.pay.on('GET /', ['-(r|)', '--r-'], { r: ok() }),
      'api.pay.on("GET /"): the answer never ends, so that the call waits for its timeout: write (r|), or leave the answer out\n  --r-\n    ^',
    ],
  ] as const) {
    it(`refuses ${title}`, () => {
      expect(failureOf(paying, (kit) => void say(kit)).message).to.equal(problem);
    });
  }
});
