/** Bounds of taking an app down. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  /** Things of one app that are looked at beside each other when it ends. */
  offboardAtOnce: 8,
  /** Apps that are taken down beside each other. */
  appsAtOnce: 8,
  /** One run over an app's things; whoever dies at it holds up the next for this long. */
  offboardHoldMs: 120_000,
  /** Pages of all that is at a target, read to see whether one thing is still among it. */
  lookPages: 100,
} as const
