/** Bounds of one trace. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  /** Of one trace. */
  traceLeases: 100,
  traceEntries: 1_000,
} as const
