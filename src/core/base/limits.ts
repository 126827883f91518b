/** Every bound has a name. Changing one is a decision, so each says what it protects. */
export const limits = {
  /** A request body at any door. */
  bodyBytes: 64 * 1024,
  /** A form at the token endpoint. */
  tokenBodyBytes: 64 * 1024,
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
  oneTimeLinkSeconds: 15 * 60,
  sessionSeconds: 8 * 3600,
  attendedTokenSeconds: 15 * 60,
  unattendedTokenSeconds: 5 * 60,
  /** One term of a lease; renewing is a new decision. */
  leaseTermSeconds: 15 * 60,
  unattendedTermSeconds: 5 * 60,
  /** A target must refuse a creation later than this after its intent. */
  intentDeadlineMs: 10_000,
  /** Beyond the deadline, before recovery looks: clock skew and a command in flight. */
  intentGraceMs: 2_000,
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
} as const
