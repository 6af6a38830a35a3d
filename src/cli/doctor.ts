/** `sluice doctor`: compares a broker with what the pipelines want of it, and says what to do. Changes nothing. */
import pc from 'picocolors';
import { openInspection } from '../broker/amqp/open-inspection.ts';
import type { BrokerInspection } from '../broker/inspection.ts';
import type { Config } from '../config.ts';
import { parseDuration } from '../policies/duration.ts';
import { misconfigured, printJson, withBroker } from './broker-session.ts';
import { examine } from './doctor/examine.ts';
import { type Finding, type Severity, worstFirst } from './doctor/finding.ts';
import { EXIT } from './exit-code.ts';
import { loadDefined } from './load.ts';
import { counted, oneLine } from './print.ts';

export interface DoctorOptions {
  readonly json?: boolean;
  /** The broker's `consumer_timeout`, as a duration. */
  readonly consumerTimeout: string;
}

export async function doctor(folder: string, options: DoctorOptions): Promise<number> {
  const { pipelines, problems, dispose } = await loadDefined(folder);
  await dispose();
  const timeoutMs = parseDuration(options.consumerTimeout) ?? 0;
  const wrongTimeout =
    timeoutMs > 0
      ? []
      : [
          {
            subject: 'argument',
            path: '--consumer-timeout',
            message: `expected a duration like 30m, got "${options.consumerTimeout}"`,
          },
        ];
  if (problems.length > 0 || wrongTimeout.length > 0) return misconfigured([...problems, ...wrongTimeout]);

  const look = async (inspection: BrokerInspection, _stop: AbortSignal, { topology }: Config): Promise<number> => {
    const findings = worstFirst(await examine(inspection, { pipelines, topology, consumerTimeoutMs: timeoutMs }));
    const { address, product, version } = inspection;
    if (options.json === true) printJson({ broker: { address, product, version }, findings });
    else print(`${`${product} ${version}`.trim()} at ${address}`, pipelines.length, findings);
    return findings.some(({ severity }) => severity === 'problem') ? EXIT.failed : EXIT.ok;
  };
  return withBroker(openInspection, look, 'stopped as asked: not everything was looked at');
}

const MARK: Readonly<Record<Severity, string>> = { problem: pc.red('✗'), warning: pc.yellow('!'), note: pc.dim('·') };

function print(broker: string, pipelines: number, findings: readonly Finding[]): void {
  const width = Math.max(0, ...findings.map(({ subject }) => Math.min(subject.length, MAX_SUBJECT_WIDTH)));
  for (const { severity, subject, finding, advice } of findings) {
    console.log(`${MARK[severity]} ${oneLine(subject).padEnd(width)}  ${oneLine(finding)}`);
    console.log(`  ${''.padEnd(width)}  ${pc.dim(`→ ${oneLine(advice)}`)}`);
  }
  const count = (severity: Severity): string =>
    counted(findings.filter((finding) => finding.severity === severity).length, severity);
  console.log(
    `${findings.length === 0 ? '' : '\n'}${broker}: ${counted(pipelines, 'pipeline')}, ${count('problem')}, ${count('warning')}, ${count('note')}`,
  );
}

/** A list of many queues is as long as it is; it moves nobody else's column. */
const MAX_SUBJECT_WIDTH = 40;
