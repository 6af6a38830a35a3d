/**
 * What stops no worker, since it may be meant, and is told whoever starts or checks one: what goes over a network in plain text, and patterns that a message
 * may keep a worker with. In the words of `sluice check`, and of a log.
 */
import type { Config } from '../config.ts';
import type { Problem } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { plainAddresses } from '../worker/plain-apis.ts';
import { type SlowPattern, slowPatterns } from '../worker/slow-patterns.ts';
import { plainBrokers, WITHOUT_TLS } from './plain-brokers.ts';

export function startWarnings(
  { amqpUrls = [] }: Pick<Config, 'amqpUrls'>,
  pipelines: readonly Pipeline[],
): readonly Problem[] {
  return [
    ...plainBrokers(amqpUrls).map((broker) => ({
      subject: 'environment',
      path: 'AMQP_URL',
      message: `${broker} ${WITHOUT_TLS}`,
    })),
    ...plainAddresses(pipelines).map(({ api, setting, address }) => ({
      subject: `api "${api}"`,
      path: setting,
      message: `${address} is told a secret ${READABLE}`,
    })),
    ...slowPatterns(pipelines).map((slow) => ({
      subject: `pipeline "${slow.pipeline}"`,
      path: slow.path,
      message: `${shown(slow)} ${BACKTRACKS}`,
    })),
  ];
}

/** At the start of workers. */
export function warnAtStart(pipelines: readonly Pipeline[], log: Logger): void {
  warnOfPlainApis(pipelines, log);
  warnOfSlowPatterns(pipelines, log);
}

function warnOfPlainApis(pipelines: readonly Pipeline[], log: Logger): void {
  const apis = plainAddresses(pipelines).map(({ api, setting, address }) => `${api}: ${setting} ${address}`);
  if (apis.length > 0) log.warn({ apis }, `an API is told a secret ${READABLE}`);
}

export function warnOfSlowPatterns(pipelines: readonly Pipeline[], log: Logger): void {
  const patterns = slowPatterns(pipelines).map((slow) => `${slow.pipeline}: ${slow.path} ${shown(slow)}`);
  if (patterns.length > 0) log.warn({ patterns }, `a pattern of a schema ${BACKTRACKS}`);
}

const READABLE = 'without TLS: it can be read on the way, and used; use https://';

const BACKTRACKS =
  'may have ever more to try on a short text that almost fits: such a message is given up, after others have waited for it, and the watch costs each message time; write it so that no text fits it in two ways';

const MAX_SHOWN = 80;

function shown({ pattern, morePlaces }: SlowPattern): string {
  const text = String(pattern);
  const short = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return morePlaces === 0 ? short : `${short} (and in ${morePlaces} more ${morePlaces === 1 ? 'place' : 'places'})`;
}
