/** Bounds of a `leasehold.yaml`. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  /** A `leasehold.yaml`: its size, how far a line is indented, and what it may name. */
  manifestBytes: 16 * 1024,
  manifestIndent: 40,
  manifestPurposes: 20,
  purposeNeeds: 50,
} as const
