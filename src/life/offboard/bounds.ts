/** Bounds of taking an app down. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  /** Things of one app that are looked at beside each other when it ends. */
  offboardAtOnce: 8,
  /** Apps that are taken down beside each other. */
  appsAtOnce: 8,
  /** One run over an app's things; whoever dies at it holds up the next for this long. */
  offboardHoldMs: 120_000,
  /** The longest somebody's word counts before they look again. */
  evidenceMs: 90 * 86_400_000,
  /** One file that shows it; also a constraint of its table. */
  evidenceBytes: 5 * 1024 * 1024,
  /** Of one app. */
  evidenceFiles: 100,
} as const
