/** Bounds of looking for what is not ours. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  /** A target is looked at as a whole once in so long. */
  lookEveryMs: 24 * 3_600_000,
  /** Pages of one target in one run; the next run goes on where it stopped. */
  pagesAtOnce: 500,
  /** Things kept of one target: who makes a million accounts there fills no database here. */
  thingsOfTarget: 20_000,
  /** Of an id or a name as a target tells it. */
  nameChars: 300,
  /** A later use is written down once in so long, so that what is used daily is no daily entry. */
  usedEveryMs: 7 * 24 * 3_600_000,
  /** Watching ends by itself after this many days at most. */
  watchDays: 30,
} as const
