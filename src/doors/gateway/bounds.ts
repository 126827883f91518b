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
  /** Of HTTP: head of a request, body to an API, one message of MCP either way. */
  webHeaderBytes: 16 * 1024,
  webBodyBytes: 32 * 1024 * 1024,
  /** Of a body that a person must see first. */
  shownBytes: 16 * 1024,
  messageBytes: 4 * 1024 * 1024,
  /** Until the word of the run is shown; of a target that says nothing. */
  webSilentMs: 10_000,
  upstreamSilentMs: 300_000,
  upstreamSockets: 256,
  /**
   * At the direct door: requests of one session at once, tokens whose tasks are remembered, how long
   * nobody asks before a session ends, how soon the end of a sign-in is noticed in an answer that goes on.
   */
  directRequests: 64,
  clientTokens: 10_000,
  directIdleMs: 300_000,
  signInTickMs: 500,
  /** A lease gets its next term so long before this one ends. */
  renewBeforeMs: 120_000,
  /** A refusal answers for so long whoever asks the same. */
  refusedForMs: 2_000,
  /** What was going on when it was cut may say so. */
  lastWordMs: 500,
  /** How old the gateway's own look at the tools of a target may be. */
  toolsFreshMs: 30_000,
  /** One call of so many is asked of both engines. */
  shadowEvery: 1_000,
  /** Between revisions of MCP: clients of ours at once, and how long one is kept that nobody uses. */
  bridgedRuns: 500,
  bridgeIdleMs: 600_000,
  /** What is bridged may take so long until it is done, or says how far it is. */
  bridgedMs: 120_000,
} as const
