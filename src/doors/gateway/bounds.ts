/** Bounds of this door alone. Those of every part are `core/base/limits.ts`. */
export const bounds = {
  /** Tunnels of one lease at once, and of all. */
  leaseTunnels: 20,
  tunnels: 1_000,
  /** New tunnels of one lease: so many at once, then one each gap. More wait for their turn. */
  tunnelBurst: 40,
  tunnelGapMs: 50,
  /** A session is looked at this often for what no entry tells: time, and facts that grow old. */
  tickMs: 250,
  /** A session is cut so long before its term ends at the target, so that it is told why. */
  beforeTermMs: 1_000,
  /** Writing down the ends of sessions, when the server stops. */
  stopMs: 3_000,
} as const
