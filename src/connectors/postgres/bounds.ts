/** Bounds of this connector alone; what every part of the product keeps is `core/base/limits.ts`. */
export const bounds = {
  /** Connections to one database of a target: for issuing, and again for ending, which never share. */
  targetConnections: 4,
  /** Reaching a target, or waiting for one of those connections. */
  targetConnectMs: 5_000,
  /** Waiting for a lock there: others queue behind who waits. */
  targetLockMs: 5_000,
  /** A path that let the probe account in so recently is not asked again. */
  probeFreshMs: 1_000,
  /** A session at a target that was told to end, until that counts as not ending. */
  sessionEndMs: 3_000,
  /** Sessions one lease may have open. */
  leaseSessions: 20,
  /** Things left behind that evidence names one by one. */
  residueNamed: 50,
} as const
