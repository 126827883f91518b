/** Asks people for something: a request is bound to the hash of exactly what is asked. */
import { sha256Hex } from '../base/hash.ts'
import { canonicalJson, type JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { parseText } from '../base/text.ts'
import { addSeconds } from '../base/time.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { findInstallation, livingOf } from '../people/rows.ts'
import { findRequest, type RequestRow, requestTable } from './rows.ts'

const requestMade = entryKind('request.make', 'asked for something')

/** `ownAnswer` is refused outside a solo installation; whether the matter allows it, the caller knows. */
export type NewRequest = { body: JsonObject } & Pick<
  RequestRow,
  'id' | 'kind' | 'appId' | 'reason' | 'approvers' | 'quorum' | 'ownAnswer'
>

/** The same call again answers the same request. Problem `already-exists` for another body under that id. */
export async function makeRequest(
  world: LedgerWorld,
  permit: Permit<'request.make'>,
  input: NewRequest,
): Promise<RequestRow> {
  checkPermit(permit, 'request.make', input.id)
  const body = canonicalJson(input.body)
  if (Buffer.byteLength(body) > limits.bodyBytes)
    throw new Problem('too-large', { field: 'body', detail: 'This is too much for one request.' })
  const bodyHash = sha256Hex(body)
  const reason = parseText(input.reason, 'reason')
  return recorded(world, async scope => {
    const known = await findRequest(scope.tx, input.id)
    if (known !== undefined) return sameRequest(known, bodyHash)
    const asked = input.approvers.filter(each => input.ownAnswer || each !== permit.actor)
    const living = await livingOf(scope.tx, asked, scope.at)
    const request: RequestRow = {
      ...input,
      version: 1,
      askedBy: permit.actor,
      body,
      bodyHash,
      reason,
      approvers: [...new Set(asked)].filter(each => living.has(each)),
      state: 'open',
      madeAt: scope.at,
      expiresAt: addSeconds(scope.at, limits.requestOpenDays * 24 * 3600),
      closedAt: null,
    }
    await checkPeople(scope, request)
    await scope.insert(requestTable, request)
    scope.entry({ kind: requestMade, by: permit, facts: { kind: input.kind, appId: input.appId } })
    return request
  })
}

function sameRequest(known: RequestRow, bodyHash: string): RequestRow {
  if (known.bodyHash === bodyHash) return known
  throw new Problem('already-exists', {
    detail: 'Another request has this id.',
    next: 'Ask under a new id.',
  })
}

async function checkPeople(scope: Scope, request: RequestRow): Promise<void> {
  if (request.approvers.length < Math.max(request.quorum, 1))
    throw new Problem('approval-needed', {
      detail: `This needs a yes of ${request.quorum}, and ${request.approvers.length} other people can give it.`,
      next: `Name somebody else who answers for it. Who is here: ${product.command} person ls`,
    })
  if (request.ownAnswer && (await findInstallation(scope.tx))?.mode !== 'solo')
    throw new Problem('approval-needed', {
      detail: 'Nobody agrees to their own request here.',
      next: 'Ask another person to agree.',
    })
}
