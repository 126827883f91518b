/**
 * Every bound has a name. Changing one is a decision, so each says what it protects. What one chapter
 * or connector outside the core keeps alone is in its own `bounds.ts`.
 */
export const limits = {
  /** How long what the glass was broken for may be used. */
  glassSeconds: 1_800,
  /** A request body at any door. */
  bodyBytes: 64 * 1024,
  /** A token from outside, before any parsing. */
  foreignTokenBytes: 16 * 1024,
  jsonDepth: 32,
  /** A text a person writes: purpose, comment, reason. */
  textChars: 500,
  slugChars: 40,
  /** Rows any list returns in one page. */
  pageRows: 200,
  /** Entries the sequencer moves in one round. */
  sequenceBatch: 2_000,
  /** Rows one scope changes in one statement. */
  saveRows: 1_000,
  /** Entries a follower reads in one query. */
  followBatch: 2_000,
  /** Facts may be this old for issuing and for strong actions (design §3.4). */
  freshForIssueMs: 10_000,
  /** Default for going on with read and write under a live lease. */
  holdForMs: 300_000,
  /** Grants that policies are shown for one request. */
  grantCandidates: 16,
  /** Days without a sign-in after which an owner counts as gone. */
  ownerSilentDays: 45,
  /** Hours from an owner's leaving to the pause of their apps. */
  handOverHours: 72,
  attendedTokenSeconds: 15 * 60,
  unattendedTokenSeconds: 5 * 60,
  /** One term of a lease; renewing is a new decision. */
  leaseTermSeconds: 15 * 60,
  unattendedTermSeconds: 5 * 60,
  /** A target must refuse a creation later than this after its intent. */
  intentDeadlineMs: 10_000,
  /** Beyond the deadline, before recovery looks: clock skew and a command in flight. */
  intentGraceMs: 2_000,
  /** Leases one replica takes from the due table at once, and for how long they are its own. */
  sweepBatch: 256,
  sweepHoldMs: 60_000,
  /** Batches of one target under way at once. */
  sweepsAtOnce: 2,
  /** A canary cycle at a target is good for this long. */
  preflightHours: 24,
  /** Any one call to a target. */
  targetCallMs: 15_000,
  /** Any one call to a foreign issuer. */
  issuerCallMs: 5_000,
  issuerResponseBytes: 256 * 1024,
  /** Keys of an issuer are fetched again at most this often. */
  jwksRefetchMs: 30_000,
  /** Known keys are used this long while the issuer does not answer. */
  jwksMaxAgeMs: 24 * 3600 * 1000,
  requestOpenDays: 14,
  prototypeMaxDays: 30,
  managedMaxDays: 365,
  /** Connections to PostgreSQL for everything, and those kept apart for ending and the sequencer. */
  storeConnections: 10,
  storeEndingConnections: 4,
  storeConnectMs: 5_000,
  storeStatementMs: 30_000,
  storeLockMs: 5_000,
  storeIdleMs: 60_000,
  storeRelistenMs: 500,
  /** Statements a connection keeps prepared. */
  preparedTexts: 500,
  /** A token key is published this long before it signs: longer than verifiers keep our keys. */
  tokenKeyAheadMs: 10 * 60_000,
  /** A retired token key stays published this long: longer than any token lives. */
  tokenKeyOverlapMs: 60 * 60_000,
  keyTableBytes: 1024 * 1024,
  // people
  personNameChars: 80,
  // identities
  /** Keys of an issuer are fetched again after this long: a removed key is dead by then. */
  jwksFreshMs: 5 * 60_000,
  /** Between two tries at an issuer that never answered. */
  jwksRetryMs: 2_000,
  /** Keys one issuer may publish. */
  issuerKeys: 64,
  /** The longest life of an assertion we accept; it is remembered as used for that long. */
  assertionSeconds: { once: 20 * 60, bound: 2 * 3600 },
  /** A used assertion is remembered this long after its end, whatever clocks do. */
  assertionKeptMs: 24 * 3600 * 1000,
  /** How far an issuer's clock may be ahead of ours. */
  issuerSkewSeconds: 60,
  /** One claim of a token from outside that we compare or keep. */
  claimChars: 1024,
  // ledger
  /** Shortest and longest pause of the sequencer between two rounds: what a busy log may cost. */
  sequencePaceMs: 5,
  sequenceRestMs: 15,
  /** The sequencer looks this often without being woken. */
  sequencePollMs: 200,
  /** A follower reads this often without being woken; its facts are at least this fresh. */
  followPollMs: 500,
  /** A checkpoint is signed at most this often unless one is asked for. */
  checkpointPaceMs: 1_000,
  // task
  /** A job is a bounded piece of work; a service attests again before this age. */
  jobSeconds: 8 * 3600,
  serviceSeconds: 24 * 3600,
  /** How often work is handed on, from the first to the last. */
  delegationSteps: 3,
  // grant
  /** A grant's `usedAt` is this exact at most, so that each lease is not a write to its grant. */
  usedAtSeconds: 3600,
  resourceColumns: 200,
  // tokens
  /** Our published keys are read again this often where task tokens are verified. */
  tokenKeysReadMs: 1_000,
  /** Tokens whose signature was verified and is not verified again. */
  verifiedTokens: 10_000,
} as const
