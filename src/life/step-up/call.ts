/**
 * One call that waits for a person: asked for in the words of the call itself, shown to who answers for
 * the data, agreed to by its hash, good for one time and a quarter of an hour. The caller is told to come
 * again with exactly the same; nothing is kept open meanwhile.
 *
 * ATTACKER: an agent that asks for much so that somebody says yes without reading; that changes the call
 * after the yes; that answers for itself. So: few open at once, the hash is of everything that goes on,
 * and only a person answers (`answerRequest`).
 */
import { appTable } from '../../core/app/rows.ts'
import { makeRequest } from '../../core/approval/request.ts'
import { type RequestRow, requestTable } from '../../core/approval/rows.ts'
import { sha256Hex } from '../../core/base/hash.ts'
import { newId, type PersonId, systemId } from '../../core/base/ids.ts'
import { canonicalJson, type Json, type JsonObject } from '../../core/base/json.ts'
import type { DataAction } from '../../core/base/permit.ts'
import { problemOf } from '../../core/base/problem.ts'
import { isMild } from '../../core/grant/body.ts'
import { type ResourceRow, resourceTable } from '../../core/grant/rows.ts'
import type { LeaseRow } from '../../core/lease/rows.ts'
import type { Image } from '../../core/ledger/fact-table.ts'
import type { SweepWorld } from '../../core/ledger/record.ts'
import type { Bundle } from '../../core/policy/bundle.ts'
import { judge } from '../../core/policy/judge.ts'
import type { Recorded } from '../../core/policy/record.ts'
import { taskTable } from '../../core/task/rows.ts'

export const bounds = {
  /** From asking to the last moment of its use. */
  openSeconds: 900,
  /** Of one task at once. */
  open: 5,
  /** What a person can still read. */
  saidBytes: 16 * 1024,
} as const

/** What goes on, if it does: of which task, to what, which call, with what. */
export interface Call {
  readonly lease: Pick<LeaseRow, 'appId' | 'taskId' | 'identityId' | 'resourceId'>
  readonly action: DataAction
  /** In the target's words: `tools/call delete_page`. */
  readonly asked: string
  readonly said: Json
}

/** Problem `too-large` where nobody could read it. */
export function bodyOf({ lease, action, asked, said }: Call): JsonObject {
  const { taskId, identityId, resourceId } = lease
  const body = { v: 1, taskId, identityId, resourceId, action, asked, said }
  if (Buffer.byteLength(canonicalJson(body)) > bounds.saidBytes)
    throw problemOf('too-long-to-be-read', { saidBytes: bounds.saidBytes })
  return body
}

export function hashOf(body: JsonObject): string {
  return sha256Hex(canonicalJson(body))
}

/** Whether a yes of a person is all that is missing. Pure: the same facts, with that one turned. */
export function isAllThatIsMissing(bundle: Bundle, denied: Recorded): boolean {
  const { facts, outcome: _, ...asked } = denied
  if (!('uses' in facts) || facts.uses.every(use => use.approved !== false)) return false
  const uses = facts.uses.map(use => ({ ...use, approved: true }))
  return judge(bundle, { ...asked, facts: { ...facts, uses } }).allowed
}

/** The yes to exactly this, or the request for it; one that is open already is not made again. */
export async function askForCall(
  world: SweepWorld,
  call: Call,
): Promise<Image<RequestRow, 'body' | 'reason'>> {
  const { replica } = world
  const body = bodyOf(call)
  const hash = hashOf(body)
  const isNow = ({ kind, expiresAt }: { kind: string; expiresAt: string }) =>
    kind === 'call' && expiresAt > world.clock.now()
  const [known] = replica.by(requestTable, 'bodyHash', hash).filter(isNow)
  if (known !== undefined) return known
  const { lease, action, asked } = call
  const open = replica
    .by(requestTable, 'appId', lease.appId)
    .filter(each => isNow(each) && each.state === 'open')
  if (open.length >= bounds.open) throw problemOf('too-many-waiting-calls', { open: bounds.open })
  const id = newId('request')
  const resource = replica.get(resourceTable, lease.resourceId)
  const permit = world.permitFor(systemId('gateway'), 'request.make', { type: 'request', id })
  return makeRequest(world, permit, {
    id,
    kind: 'call',
    appId: lease.appId,
    body,
    reason: `${action} ${resource?.slug}: ${asked}`.slice(0, 400),
    approvers: resource === undefined ? [] : peopleFor(world, lease, resource),
    quorum: 1,
    ownAnswer: false,
    openSeconds: bounds.openSeconds,
  })
}

/** For mild data who is there, or the owner of the app; for all else who answers for the data. */
function peopleFor(
  { replica }: SweepWorld,
  { appId, taskId }: Call['lease'],
  resource: Pick<ResourceRow, 'dataOwnerId' | 'isSandbox' | 'dataClass'>,
): PersonId[] {
  if (!isMild(resource)) return [resource.dataOwnerId]
  const app = replica.get(appTable, appId)
  const there = replica.get(taskTable, taskId)?.onBehalfOf
  return [there, app?.ownerId, app?.backupId, resource.dataOwnerId].flatMap(id => id ?? [])
}
