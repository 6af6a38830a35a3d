/**
 * Completes contacts: their company from a cache, since a thousand contacts come from a dozen companies, and their score from a batch endpoint, fifty
 * at a time.
 */
import { forkJoin, map, type Observable } from 'rxjs';
import { defineApi, definePipeline, env, exchange, queue } from 'sluice';
import { createBatcher } from 'sluice/operators';
import { z } from 'zod';

const companies = defineApi('companies', {
  baseUrl: env.url('COMPANIES_API_BASE_URL', 'http://localhost:7101/api/v1'),
  timeout: '2s',
  rateLimit: { requests: 50, per: '1s' },
  cache: { ttl: '10m', staleFor: '1h', maxEntries: 5_000 },
});
const scores = defineApi('scores', {
  baseUrl: env.url('SCORES_API_BASE_URL', 'http://localhost:7102/api/v1'),
  timeout: '5s',
  concurrency: 4,
});

const Company = z.object({ name: z.string(), employees: z.int().nonnegative() });
const Scores = z.object({ scores: z.array(z.number().min(0).max(1)) });

/** What is asked for one contact, and how the message it came with would ask for many. */
interface Question {
  readonly email: string;
  readonly ask: (emails: readonly string[]) => Observable<readonly number[]>;
}

/**
 * Contacts that come within 20 ms share a request, which is made in the name of the first: under its deadline, in its trace. It only reads, so that
 * nothing is done twice when a message comes again and meets others in its batch.
 */
const scoring = createBatcher({
  maxSize: 50,
  maxWait: '20ms',
  request: (questions: readonly Question[]) => questions[0]?.ask(questions.map(({ email }) => email)) ?? [],
});

export default definePipeline({
  name: 'contact-enrichment',
  source: queue('contacts.created'),
  input: z.object({ id: z.string().min(1), email: z.email() }),
  apis: { companies, scores },
  publishes: ['contacts'],
  handle: ({ id, email }, { apis }) =>
    forkJoin({
      company: apis.companies.get('/companies/{domain}', {
        path: { domain: email.slice(email.indexOf('@') + 1).toLowerCase() },
        response: Company,
      }),
      score: scoring.run({
        email,
        ask: (emails) =>
          apis.scores.post('/scores', { emails }, { response: Scores }).pipe(map((answer) => answer.scores)),
      }),
    }).pipe(map(({ company, score }) => ({ id, email, company, score }))),
  output: () => exchange('contacts', 'contact.enriched'),
});
