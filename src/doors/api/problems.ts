/** How each problem goes over a wire: HTTP status, CLI exit code, OAuth code (RFC 6749 §5.2 where one fits), title. */
import type { Problem, ProblemCode } from '../../core/base/problem.ts'

type Row = Readonly<ReturnType<typeof row>>

export const problemTable = {
  // what the caller sent
  'bad-json': row(400, 2, 'invalid_request', 'The body can not be read'),
  'bad-request': row(400, 2, 'invalid_request', 'The request can not be understood'),
  'invalid-field': row(422, 2, 'invalid_request', 'A field is not valid'),
  'too-large': row(413, 2, 'invalid_request', 'The request is too large'),
  'not-found': row(404, 1, 'invalid_request', 'There is no such thing'),
  'method-not-allowed': row(405, 2, 'invalid_request', 'This is not done here'),
  'unsupported-media-type': row(415, 2, 'invalid_request', 'The content type is not accepted'),
  'already-exists': row(409, 1, 'invalid_request', 'That exists already'),
  conflict: row(409, 1, 'invalid_request', 'Somebody else changed this meanwhile'),
  'wrong-state': row(409, 1, 'invalid_request', 'Not possible in this state'),
  // who the caller is
  'not-signed-in': row(401, 77, 'invalid_client', 'Not signed in'),
  'not-attested': row(401, 77, 'invalid_grant', 'The workload did not prove who it is'),
  'token-refused': row(401, 77, 'invalid_token', 'The token is not accepted'),
  'human-required': row(403, 64, 'access_denied', 'A person must do this'),
  // what was decided
  denied: row(403, 65, 'access_denied', 'Denied by policy'),
  'approval-needed': row(403, 66, 'access_denied', 'Somebody must agree first'),
  'over-budget': row(403, 65, 'access_denied', 'What was agreed to is used up'),
  'hash-mismatch': row(409, 1, 'invalid_request', 'This is not what was asked'),
  // OAuth
  'unsupported-grant': row(400, 2, 'unsupported_grant_type', 'The grant type is not known'),
  'invalid-scope': row(400, 2, 'invalid_scope', 'The purpose is not in the manifest'),
  'invalid-target': row(400, 2, 'invalid_target', 'The audience is not served here'),
  // what we can not do now
  'rate-limited': row(429, 75, 'temporarily_unavailable', 'Too many requests'),
  stale: row(503, 75, 'temporarily_unavailable', 'The facts are too old to decide'),
  'store-unavailable': row(503, 69, 'temporarily_unavailable', 'The database does not answer'),
  'target-unavailable': row(503, 69, 'temporarily_unavailable', 'The target does not answer'),
  'target-busy': row(503, 75, 'temporarily_unavailable', 'Too many calls to the target wait'),
  'target-refused': row(502, 1, 'temporarily_unavailable', 'The target refused'),
  'issuer-unavailable': row(503, 69, 'temporarily_unavailable', 'The issuer does not answer'),
  'address-refused': row(422, 2, 'invalid_request', 'That address is not allowed'),
  'ledger-regressed': row(503, 70, 'temporarily_unavailable', 'The log is behind what was seen'),
  'bad-configuration': row(500, 70, 'server_error', 'The configuration is not usable'),
  'not-verified': row(422, 1, 'invalid_request', 'The proof does not hold'),
  internal: row(500, 70, 'server_error', 'Something broke here'),
} satisfies Record<ProblemCode, Row>

/** What every rendering of a problem begins with (RFC 9457 §3.1). */
export function headOf(code: ProblemCode) {
  const { status, title } = problemTable[code]
  return { type: `/problems/${code}`, title, status, code }
}

/** All that may be told of it (RFC 9457 §3). */
export function bodyOf({ code, detail, next, field }: Problem) {
  return { ...headOf(code), detail, next, field }
}

export function statusOf({ code }: Problem): number {
  return problemTable[code].status
}

function row(status: number, exit: number, oauth: string, title: string) {
  return { status, exit, oauth, title }
}
