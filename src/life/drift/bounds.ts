/** Bounds of drift. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  /** Live credentials compared with what was issued in one pass; each is a sign-in. */
  watchBatch: 200,
} as const
