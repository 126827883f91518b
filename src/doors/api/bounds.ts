/** Bounds of this door alone. Those of every part are `core/base/limits.ts`. */
export const bounds = {
  /** A form at the token endpoint. */
  tokenBodyBytes: 64 * 1024,
  /** Parameters of one form or query at the sign-in pages and OAuth endpoints. */
  formParameters: 40,
  /** What a browser answers about one passkey. */
  passkeyBytes: 16 * 1024,
  /** Streams of the log one process keeps open, and of one person: each is a timer and a socket. */
  streams: 500,
  streamsOfOne: 12,
  /** Entries told one by one to who was away or is slow; beyond, all is read anew. */
  streamEntries: 1_000,
  /** Between two events of a stream at least; without news at most. */
  streamPaceMs: 100,
  streamBeatMs: 10_000,
  /** How long ago at most a sign-in was looked at when something is told under it. */
  streamCheckMs: 2_000,
} as const
