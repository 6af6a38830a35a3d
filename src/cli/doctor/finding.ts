/** What `sluice doctor` has found, as a value. */

/** `problem`: a worker would not start, or messages could be lost. `warning`: it works, with a weaker promise. `note`: good to know. */
export type Severity = 'problem' | 'warning' | 'note';

/** What was looked at; stable, for scripts. */
export type CheckName =
  | 'version'
  | 'permissions'
  | 'queue-missing'
  | 'queue-differs'
  | 'exchange-missing'
  | 'service-missing'
  | 'exchange-differs'
  | 'dead-letter-target'
  | 'delivery-limit'
  | 'consumer-timeout'
  | 'settle-within'
  | 'prefetch'
  | 'queue-type'
  | 'unbounded-queue'
  | 'bindings'
  | 'dead-letters'
  | 'no-consumer';

export interface Finding {
  readonly severity: Severity;
  readonly check: CheckName;
  /** `queue orders.placed`, `pipeline order-processing`, `broker`. */
  readonly subject: string;
  readonly finding: string;
  /** What to do about it. */
  readonly advice: string;
}

const SEVERITIES: readonly Severity[] = ['problem', 'warning', 'note'];

/** The worst first; otherwise as they were found. */
export const worstFirst = (findings: readonly Finding[]): readonly Finding[] =>
  [...findings].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
