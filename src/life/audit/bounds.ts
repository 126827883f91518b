/** Bounds of what is counted. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  /** Different (issuer, minute, reason) of refused callers one process counts at a time. */
  refusalKinds: 1_000,
  /** Newest entries that are counted by when they came. */
  countedEntries: 10_000,
} as const
