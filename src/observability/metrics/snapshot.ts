/** The metrics of one process at one moment, as data that another process can take: several become the metrics of all. */

export interface MetricsSnapshotEntry {
  readonly name: string;
  readonly type: unknown;
  readonly values: readonly { readonly value: number; readonly labels: object }[];
}

export type MetricsSnapshot = readonly MetricsSnapshotEntry[];

/** The value of what has no labels; undefined where the process has no such metric. */
export const unlabelled = (snapshot: MetricsSnapshot, metric: string): number | undefined =>
  snapshot.find(({ name }) => name === metric)?.values[0]?.value;

/** What only grows: of a process that has ended it still counts. */
export const grows = ({ type }: MetricsSnapshotEntry): boolean => type === 'counter' || type === 'histogram';
