/** Brokers by their addresses alone, with nothing loaded that connects to one. */
import type { Logger } from '../log.ts';
import { isLoopback } from '../policies/asked-as.ts';

export function withoutCredentials(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** Those of which whoever is on the way reads password and messages, and can change them; without credentials. */
export function plainBrokers(urls: readonly string[]): readonly string[] {
  const isPlain = ({ protocol, hostname }: URL): boolean => protocol === 'amqp:' && !isLoopback(hostname);
  return urls.filter((url) => isPlain(new URL(url))).map(withoutCredentials);
}

export const WITHOUT_TLS =
  'is reached without TLS: password and messages can be read and changed on the way; use amqps://';

export function warnOfPlainBrokers(urls: readonly string[], log: Logger): void {
  const brokers = plainBrokers(urls);
  if (brokers.length > 0) log.warn({ brokers }, `the broker ${WITHOUT_TLS}`);
}
