/**
 * What was agreed, for the chapter that acts on it. Looked at again under the request's lock: kind,
 * state, age, and that the text still has the hash people agreed to.
 */
import { sha256Hex } from '../base/hash.ts'
import type { RequestId } from '../base/ids.ts'
import { type JsonObject, parseJson } from '../base/json.ts'
import { problemOf } from '../base/problem.ts'
import { lockRow, throwUnknown } from '../ledger/fact-table.ts'
import type { Scope } from '../ledger/record.ts'
import { type RequestKind, requestTable } from './rows.ts'

/** Problem `approval-needed` when it is not agreed, `hash-mismatch` when it is not what was agreed. */
export async function readAgreed(scope: Scope, id: RequestId, kind: RequestKind) {
  const request = await lockRow(scope.tx, requestTable, id)
  if (request?.kind !== kind) throwUnknown('request')
  const isAgreed = request.state === 'agreed'
  if (!isAgreed || request.expiresAt <= scope.at)
    throw problemOf('request-not-agreed', { is: isAgreed ? 'too old' : request.state })
  if (sha256Hex(request.body) !== request.bodyHash) throw problemOf('request-not-as-agreed')
  return { request, body: parseJson(request.body) as JsonObject }
}
