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
  /** From a caller's first byte until it has shown its word. */
  gatewaySignInMs: 10_000,
  /** A start-up message, as PostgreSQL itself bounds it. */
  startupBytes: 10_000,
  /** One message of a sign-in. */
  saslBytes: 2_048,
  /** Rounds of a password's hash that a server may ask of us. */
  saslRounds: 100_000,
  /** What a server says between a sign-in and the first question: messages, and bytes of each. */
  greetingMessages: 200,
  greetingBytes: 64 * 1024,
  /** A message up to this is let through whole or not at all, so that a cut can say why. */
  heldBytes: 64 * 1024,
  /** After the last word to a caller, or of one, until the connection is broken off. */
  lastWordMs: 1_000,
  /** Things left behind that evidence names one by one. */
  residueNamed: 50,
} as const
