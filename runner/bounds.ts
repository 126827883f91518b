/** Bounds of what CI sends and apps do. */
export const bounds = {
  apps: 100,
  /** Bundles that are taken at once. */
  uploads: 4,
  bundleBytes: 64 * 1024 * 1024,
  bundleFiles: 5000,
  pathChars: 255,
  /** From the first byte of a bundle to the last. */
  uploadMs: 120_000,
  /** An app listens by then, or did not start. */
  startMs: 30_000,
  /** Told to end, it may finish what it does; then it is made to. */
  endMs: 5000,
  /** A version that was followed ends what is under way. */
  drainMs: 65_000,
  /** It may die so often within the time: then it stays down until the next version. */
  deaths: 5,
  deathsMs: 10 * 60_000,
  /** Each refusal is an entry of the log: who was refused comes again less often than who was not reached. */
  againMs: { first: 300, broken: 3000, refused: 60_000 },
  memoryMb: 256,
  serverMs: 10_000,
} as const
