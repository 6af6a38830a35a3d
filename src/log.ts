/** What sluice asks of a logger: the part of pino it uses. Fields first, then the sentence. */

export interface Log {
  (fields: object, message: string): void;
  (message: string): void;
}

export interface Logger {
  readonly trace: Log;
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
  child(fields: object): Logger;
}

const nothing: Log = () => {};

/** Swallows every line: the default where no logger is handed in. */
export const silentLogger: Logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
};
