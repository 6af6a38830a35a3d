/** What a piece of work costs the processor: unlike its time on the clock, it does not grow where others have the processor meanwhile, or nobody. */
export function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
