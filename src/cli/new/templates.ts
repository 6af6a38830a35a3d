/** What `sluice new` writes: small, whole, and the same a person would begin with. */

const camel = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
const pascal = (name: string): string => camel(`-${name}`);
const constant = (name: string): string => name.replaceAll('-', '_').toUpperCase();

export const schemaText = (name: string): string => `/** What ${name} takes, and what its API answers. */
import { z } from 'zod';

export const ${pascal(name)} = z.object({ id: z.string(), amount: z.number().positive() });

export const Answer = z.object({ reference: z.string() });
`;

export const pipelineText = (name: string): string => `/** ${name}: one message, one call, one result. */
import { map } from 'rxjs';
import { defineApi, definePipeline, env, exchange, queue } from 'sluice';
import { Answer, ${pascal(name)} } from './${name}.schema.ts';

const service = defineApi('${name}-service', {
  baseUrl: env.url('${constant(name)}_SERVICE_URL', 'http://localhost:4000'),
  timeout: '5s',
  retry: { maxAttempts: 3, backoff: { initial: '100ms', max: '2s', jitter: 'full' } },
});

export default definePipeline({
  name: '${name}',
  source: queue('${name}', { retry: { delays: ['5s', '1m'] } }),
  input: ${pascal(name)},
  apis: { service },
  publishes: ['${name}.results'],
  handle: ({ id, amount }, { apis }) =>
    apis.service
      .post('/work', { id, amount }, { response: Answer })
      .pipe(map(({ reference }) => ({ id, reference }))),
  output: () => exchange('${name}.results', 'done'),
});
`;

export const testText = (
  name: string,
  pipelines: string,
): string => `/** ${name} in virtual time: every diagram is milliseconds, and no socket is opened. */
import { exchange } from 'sluice';
import { ack, call, deadLetter, httpError, marbles, ok, published } from 'sluice/testing';
import ${camel(name)} from '${pipelines === '' ? '.' : pipelines.replaceAll('\\', '/')}/${name}.ts';

const message = { id: 'm-1', amount: 20 };
const work = call('service', 'POST /work', { body: message });
const done = published(exchange('${name}.results', 'done'), { id: 'm-1', reference: 'r-7' });

describe('${name}', () => {
  it(
    'publishes a result for each message',
    marbles<'service'>(${camel(name)}, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                    -a-----', { a: message });
      api.service.on('POST /work', ' ---(r|)', { r: ok({ reference: 'r-7' }) });

      expectCalls('                -c-----', { c: work });
      expectPublished('            ----p--', { p: done });
      expectSettled('              ----A--', { A: ack(message) });
    }),
  );

  it(
    'dead-letters what the service refuses',
    marbles<'service'>(${camel(name)}, ({ deliver, api, expectSettled }) => {
      deliver('                    -a-----', { a: message });
      api.service.on('POST /work', ' --#    ', {}, httpError(422));

      expectSettled('              ---D---', { D: deadLetter(message, 'ERR_HTTP_STATUS') });
    }),
  );
});
`;
