/** Bounds of this connector alone; what every part of the product keeps is `core/base/limits.ts`. */
export const bounds = {
  /** Calls under way at once: for issuing, and again for ending. Each has a session there. */
  callsAtOnce: 8,
  /** Reaching a target. */
  targetConnectMs: 5_000,
  /** Waiting for a lock there: others queue behind who waits. */
  targetLockSeconds: 5,
  /** A session at a target that was told to end, until that counts as not ending. */
  sessionEndMs: 3_000,
  /** Sessions one lease may have open. */
  leaseSessions: 20,
  /** Things left behind that evidence names one by one. */
  residueNamed: 50,
} as const
