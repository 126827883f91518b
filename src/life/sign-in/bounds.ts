/** Bounds of how people get in. Those of the core are `core/base/limits.ts`. */
export const bounds = {
  oneTimeLinkSeconds: 15 * 60,
  sessionSeconds: 8 * 3600,
  /** A browser session nobody uses ends after this long; `sessionSeconds` is its absolute end. */
  sessionIdleSeconds: 3600,
  /** A session's last use is written at most this often. */
  sessionTouchMs: 60_000,
  /** Bearer tokens of people, as the CLI holds them (design §6). */
  personTokenSeconds: 5 * 60,
  /** Time to type a device's code; wrong codes one person may type in that time. */
  deviceCodeSeconds: 10 * 60,
  deviceCodeTries: 10,
  /** Devices that may wait at once: with the tries, a guess succeeds with less than one in a million. */
  deviceCodesOpen: 1_000,
  /** From a person's yes to the token an MCP client redeems it for. */
  codeSeconds: 60,
  /** A sign-in at the company's provider, from leaving us to coming back; and how many at once. */
  signInSeconds: 10 * 60,
  signInsOpen: 10_000,
  /** Of one person. From being asked for one to showing it. */
  passkeys: 10,
  passkeySeconds: 5 * 60,
} as const
