/** Bounds of explaining and of deciding again. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  /** What a denial offers instead. */
  alternatives: 3,
  /** Recorded decisions one replay reads at once, and in all. */
  replayBatch: 200,
  replayDecisions: 100_000,
  /** Entries of one task that are looked at for where its data came from. */
  touches: 50,
  /** Identities one list of who may use a thing goes through. */
  who: 200,
} as const
