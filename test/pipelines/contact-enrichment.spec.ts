/** What becomes of new contacts, as marbles: one question for each company, one batch for those that come together. A frame is a millisecond. */
import { exchange } from 'sluice';
import { ack, call, deadLetter, httpError, marbles as marblesOf, ok, published, status } from 'sluice/testing';
import contactEnrichment from '../../pipelines/enrichment/contact-enrichment.ts';

const marbles = marblesOf<'companies' | 'scores'>;

const ada = { id: 'c-1', email: 'ada@acme.example' };
const bob = { id: 'c-2', email: 'bob@ACME.example' };
const cyd = { id: 'c-3', email: 'cyd@globex.example' };
const acme = { name: 'Acme', employees: 900 };

const company = (domain: string) => call('companies', 'GET /companies/{domain}', { params: { domain } });
const scored = (...emails: readonly string[]) => call('scores', 'POST /scores', { body: { emails } });
const enriched = (contact: object, score: number, company: object = acme) =>
  published(exchange('contacts', 'contact.enriched'), { ...contact, company, score });

describe('contact-enrichment', () => {
  it(
    'asks once for the company and once for both scores of two contacts that come together',
    marbles(contactEnrichment, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                                   (ab)', { a: ada, b: bob });
      api.companies.on('GET /companies/{domain}', '--(c|)', { c: ok(acme) });
      api.scores.on('POST /scores', '             -(s|)', { s: ok({ scores: [0.4, 0.9] }) });

      expectCalls('                               c 19ms s', {
        c: company('acme.example'),
        s: scored('ada@acme.example', 'bob@ACME.example'),
      });
      expectPublished('                           - 20ms (pq)', { p: enriched(ada, 0.4), q: enriched(bob, 0.9) });
      expectSettled('                             - 20ms (AB)', { A: ack(ada), B: ack(bob) });
    }),
  );

  it(
    'asks again for a company when what is kept is too old, and gives the old answer meanwhile',
    marbles(contactEnrichment, ({ deliver, api, expectCalls, expectPublished }) => {
      deliver('        a 600001ms a 599999ms a', { a: ada });
      const fewer = { ...acme, employees: 800 };
      api.companies.on('GET /companies/{domain}', ['-(c|)', '-(d|)'], { c: ok(acme), d: ok(fewer) });
      api.scores.on('POST /scores', '(s|)', { s: ok({ scores: [0.4] }) });

      expectCalls('    c 19ms s 599981ms c 19ms s 599999ms s', {
        c: company('acme.example'),
        s: scored('ada@acme.example'),
      });
      expectPublished('- 19ms p 600001ms p 599999ms q', {
        p: enriched(ada, 0.4),
        q: enriched(ada, 0.4, fewer),
      });
    }),
  );

  it(
    'takes a score that is missing for a mistake of the other side, for each contact of the batch',
    marbles(contactEnrichment, ({ deliver, api, expectSettled }) => {
      deliver('                                   (ac)', { a: ada, c: cyd });
      api.companies.on('GET /companies/{domain}', '(c|)', { c: ok(acme) });
      api.scores.on('POST /scores', '             -(s|)', { s: ok({ scores: [0.4] }) });

      expectSettled('                             - 20ms (AC)', {
        A: deadLetter(ada, 'ERR_BATCH_MISMATCH'),
        C: deadLetter(cyd, 'ERR_BATCH_MISMATCH'),
      });
    }),
  );

  it(
    'tries a batch again for all of it when the API is overloaded',
    marbles(contactEnrichment, { random: () => 0.5 }, ({ deliver, api, expectCalls, expectSettled }) => {
      deliver('                                   (ab)', { a: ada, b: bob });
      api.companies.on('GET /companies/{domain}', '(c|)', { c: ok(acme) });
      api.scores.on('POST /scores', ['            -(o|)', '-(s|)'], { o: status(503), s: ok({ scores: [0.4, 0.9] }) });

      const s = scored('ada@acme.example', 'bob@ACME.example');
      expectCalls('                               c 19ms s 50ms s', { c: company('acme.example'), s });
      expectSettled('                             - 19ms - 50ms - (AB)', { A: ack(ada), B: ack(bob) });
    }),
  );

  it(
    'dead-letters a contact of a company nobody knows, and completes the other',
    marbles(contactEnrichment, ({ deliver, api, expectSettled }) => {
      deliver('                                   (ac)', { a: ada, c: cyd });
      api.companies.on('GET /companies/acme.example', '-(c|)', { c: ok(acme) });
      api.companies.on('GET /companies/globex.example', '-#', {}, httpError(404));
      api.scores.on('POST /scores', '             -(s|)', { s: ok({ scores: [0.4] }) });

      expectSettled('                             -C 18ms -A', { A: ack(ada), C: deadLetter(cyd, 'ERR_HTTP_STATUS') });
    }),
  );
});
