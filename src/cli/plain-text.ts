/** What goes over a network in plain text, in the words of `sluice check` and of a worker's log. Nothing of it stops a worker: inside one mesh it may be meant. */
import type { Config } from '../config.ts';
import type { Problem } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { plainAddresses } from '../worker/plain-apis.ts';
import { plainBrokers } from './plain-brokers.ts';

export function plainTextWarnings(
  { amqpUrls = [] }: Pick<Config, 'amqpUrls'>,
  pipelines: readonly Pipeline[],
): readonly Problem[] {
  return [
    ...plainBrokers(amqpUrls).map((broker) => ({
      subject: 'environment',
      path: 'AMQP_URL',
      message: `${broker} is reached without TLS: password and messages can be read and changed on the way; use amqps://`,
    })),
    ...plainAddresses(pipelines).map(({ api, setting, address }) => ({
      subject: `api "${api}"`,
      path: setting,
      message: `${address} is told a secret without TLS: it can be read on the way, and used; use https://`,
    })),
  ];
}

export function warnOfPlainApis(pipelines: readonly Pipeline[], log: Logger): void {
  const apis = plainAddresses(pipelines).map(({ api, setting, address }) => `${api}: ${setting} ${address}`);
  if (apis.length > 0)
    log.warn({ apis }, 'APIs are told secrets without TLS: they can be read on the way, and used; use https://');
}
