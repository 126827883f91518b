/** Bounds of taking an app down. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  /** Things of one app at one target that are looked at beside each other when it ends. */
  offboardAtOnce: 8,
  /** Apps that are taken down beside each other; one that takes longer lets the next begin. */
  appsAtOnce: 16,
  appTurnMs: 2_000,
  /** Such apps and all others together: what runs that wait for a target may cost in memory. */
  appsUnderWay: 256,
  /** How long a run waits for an app's credentials to be driven before it looks at what else there is. */
  driveTurnMs: 2_000,
  /** One run over an app's things; whoever dies at it holds up the next for this long. */
  offboardHoldMs: 120_000,
  /** A prototype and its successor work side by side so long, where it does not say that it is done. */
  overlapMs: 30_000,
  /** A successor that nobody has begun to use by then ends, and the prototype goes on. */
  takeOverMs: 7 * 86_400_000,
  /** The longest somebody's word counts before they look again. */
  evidenceMs: 90 * 86_400_000,
  /** One file that shows it; also a constraint of its table. */
  evidenceBytes: 5 * 1024 * 1024,
  /** Of one app. */
  evidenceFiles: 100,
  /** Pages of all that is at a target, read to see whether one thing is still among it. */
  lookPages: 100,
} as const
