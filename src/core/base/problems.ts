/** One row per problem: HTTP status, title, OAuth code (RFC 6749 §5.2 where one fits), CLI exit code. */
interface Row {
  readonly status: number
  readonly title: string
  readonly oauth: string
  readonly exit: number
}

export const problemTable = {
  // what the caller sent
  'bad-json': { status: 400, title: 'The body can not be read', oauth: 'invalid_request', exit: 2 },
  'bad-request': {
    status: 400,
    title: 'The request can not be understood',
    oauth: 'invalid_request',
    exit: 2,
  },
  'invalid-field': {
    status: 422,
    title: 'A field is not valid',
    oauth: 'invalid_request',
    exit: 2,
  },
  'too-large': {
    status: 413,
    title: 'The request is too large',
    oauth: 'invalid_request',
    exit: 2,
  },
  'not-found': { status: 404, title: 'There is no such thing', oauth: 'invalid_request', exit: 1 },
  'method-not-allowed': {
    status: 405,
    title: 'This is not done here',
    oauth: 'invalid_request',
    exit: 2,
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The content type is not accepted',
    oauth: 'invalid_request',
    exit: 2,
  },
  'already-exists': {
    status: 409,
    title: 'That exists already',
    oauth: 'invalid_request',
    exit: 1,
  },
  conflict: {
    status: 409,
    title: 'Somebody else changed this meanwhile',
    oauth: 'invalid_request',
    exit: 1,
  },
  'wrong-state': {
    status: 409,
    title: 'Not possible in this state',
    oauth: 'invalid_request',
    exit: 1,
  },
  // who the caller is
  'not-signed-in': { status: 401, title: 'Not signed in', oauth: 'invalid_client', exit: 77 },
  'not-attested': {
    status: 401,
    title: 'The workload did not prove who it is',
    oauth: 'invalid_grant',
    exit: 77,
  },
  'token-refused': {
    status: 401,
    title: 'The token is not accepted',
    oauth: 'invalid_token',
    exit: 77,
  },
  'human-required': {
    status: 403,
    title: 'A person must do this',
    oauth: 'access_denied',
    exit: 64,
  },
  // what was decided
  denied: { status: 403, title: 'Denied by policy', oauth: 'access_denied', exit: 65 },
  'approval-needed': {
    status: 403,
    title: 'Somebody must agree first',
    oauth: 'access_denied',
    exit: 66,
  },
  'hash-mismatch': {
    status: 409,
    title: 'This is not what was asked',
    oauth: 'invalid_request',
    exit: 1,
  },
  // OAuth
  'unsupported-grant': {
    status: 400,
    title: 'The grant type is not known',
    oauth: 'unsupported_grant_type',
    exit: 2,
  },
  'invalid-scope': {
    status: 400,
    title: 'The purpose is not in the manifest',
    oauth: 'invalid_scope',
    exit: 2,
  },
  'invalid-target': {
    status: 400,
    title: 'The audience is not served here',
    oauth: 'invalid_target',
    exit: 2,
  },
  // what we can not do now
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    oauth: 'temporarily_unavailable',
    exit: 75,
  },
  stale: {
    status: 503,
    title: 'The facts are too old to decide',
    oauth: 'temporarily_unavailable',
    exit: 75,
  },
  'store-unavailable': {
    status: 503,
    title: 'The database does not answer',
    oauth: 'temporarily_unavailable',
    exit: 69,
  },
  'target-unavailable': {
    status: 503,
    title: 'The target does not answer',
    oauth: 'temporarily_unavailable',
    exit: 69,
  },
  'target-refused': {
    status: 502,
    title: 'The target refused',
    oauth: 'temporarily_unavailable',
    exit: 1,
  },
  'issuer-unavailable': {
    status: 503,
    title: 'The issuer does not answer',
    oauth: 'temporarily_unavailable',
    exit: 69,
  },
  'address-refused': {
    status: 422,
    title: 'That address is not allowed',
    oauth: 'invalid_request',
    exit: 2,
  },
  'ledger-regressed': {
    status: 503,
    title: 'The log is behind what was seen before',
    oauth: 'temporarily_unavailable',
    exit: 70,
  },
  'bad-configuration': {
    status: 500,
    title: 'The configuration is not usable',
    oauth: 'server_error',
    exit: 70,
  },
  'not-verified': {
    status: 422,
    title: 'The proof does not hold',
    oauth: 'invalid_request',
    exit: 1,
  },
  internal: { status: 500, title: 'Something broke here', oauth: 'server_error', exit: 70 },
} as const satisfies Record<string, Row>

export type ProblemCode = keyof typeof problemTable
