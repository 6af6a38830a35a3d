/** amqplib closes a channel or a connection when a listener throws; so none of ours may. */
export type DefectListener = (error: unknown) => void;

/** The listener, its throw reported instead of passed on. */
export function guarded<A extends readonly unknown[]>(
  listener: (...args: A) => void,
  onDefect: DefectListener,
): (...args: A) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch (error) {
      onDefect(error);
    }
  };
}
