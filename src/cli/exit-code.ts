/** What the process says when it ends. */
export const EXIT = {
  ok: 0,
  failed: 1,
  misconfigured: 2,
  cutShort: 3,
  notStarted: 4,
} as const;
