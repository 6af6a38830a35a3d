/** An API's or a service's definition as a test runs it: every policy as declared, nothing that would reach for the network, the environment or a secret. */
import type { RateLimitOptions } from '../../http/api-options.ts';
import type { CallTarget } from '../../http/call-target.ts';
import type { ApiDefinition } from '../../http/define-api.ts';
import type { ServiceDefinition } from '../../http/define-service.ts';
import { isSetting } from '../../setting.ts';

/** Stands for each header whose value would come from the environment. */
const PLACEHOLDER = 'test';

/**
 * The same API at `http://<name>.test`. Timeouts, retries, budgets, breakers, limits, caches and classification stay; authentication, TLS, address
 * rules, the store of a shared rate limit and the axios hook belong to the real transport, which a test replaces, and are left out.
 */
export const sandboxed = (target: CallTarget): CallTarget =>
  target.kind === 'service' ? sandboxedService(target) : sandboxedApi(target);

function sandboxedService({ kind, name, options }: ServiceDefinition): ServiceDefinition {
  const { rateLimit, ...own } = options;
  return { kind, name, options: rateLimit === undefined ? own : { ...own, rateLimit: localRate(rateLimit) } };
}

export function sandboxedApi({ kind, name, options }: ApiDefinition): ApiDefinition {
  const {
    auth: _auth,
    tls: _tls,
    addresses: _addresses,
    axios: _axios,
    headers = {},
    rateLimit,
    ...policies
  } = options;
  const plain = Object.entries(headers).map(([header, value]) => [header, isSetting(value) ? PLACEHOLDER : value]);
  return {
    kind,
    name,
    options: {
      ...policies,
      ...(rateLimit === undefined ? {} : { rateLimit: localRate(rateLimit) }),
      baseUrl: originOf(name),
      headers: Object.fromEntries(plain) as Record<string, string>,
    },
  };
}

const localRate = ({ shared: _shared, ...own }: RateLimitOptions): RateLimitOptions => own;

/** Where a sandboxed API seems to live. */
export const originOf = (name: string): string => `http://${name.toLowerCase().replaceAll('_', '-')}.test`;
