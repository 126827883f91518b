/** Bounds of drift. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  /** Live credentials compared with what was issued in one pass; each is a sign-in. */
  watchBatch: 200,
  /** Pages of what is at one target; what lies beyond is seen when those before are gone. */
  inventoryPages: 2_000,
} as const
