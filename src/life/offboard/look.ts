/**
 * Look: takes one thing of the plan down, if it still stands, and reads back whether it is gone. Every
 * look is repeated at each run and each re-check; none trusts an earlier one.
 */
import type { AppId, IdentityId, LeaseId, TrustRuleId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { isProblem } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import { identityTable, trustRuleTable } from '../../core/identity/rows.ts'
import type { LeaseWorld } from '../../core/lease/issue.ts'
import { findDue } from '../../core/lease/rows.ts'
import { findRow } from '../../core/ledger/fact-table.ts'
import { judge, judgeHolder } from '../../core/target/judge.ts'
import type { Evidence, HolderEvidence, InventoryPage, Target } from '../../core/target/target.ts'
import { bounds } from './bounds.ts'
import type { ItemKind, PlanItem } from './item.ts'
import { countLive, readAppThings } from './rows.ts'

export interface Look {
  readonly world: LeaseWorld
  readonly appId: AppId
  /** Name of the app's own holder at targets. */
  readonly owner: string
}

/** Credentials first, then the rights they hung on, then what could ask for new ones. */
const stages: readonly (readonly ItemKind[])[] = [
  ['lease', 'thing'],
  ['grant'],
  ['owner-role'],
  ['trust-rule', 'identity', 'account'],
]

/**
 * All that an app has at one system, stage by stage. Where a look got no answer in the time a call may
 * take, the system is not asked again in this run: each further thing would wait as long.
 */
export async function lookAtSystem(look: Look, items: readonly PlanItem[]): Promise<PlanItem[]> {
  const seen: PlanItem[] = []
  let isSilent = false
  for (const kinds of stages) {
    const next = items.filter(item => kinds.includes(item.kind))
    for (let i = 0; i < next.length; i += bounds.offboardAtOnce) {
      const startedMs = look.world.clock.monotonicMs()
      const chunk = next.slice(i, i + bounds.offboardAtOnce)
      const looked = await Promise.all(
        chunk.map(async item => (isSilent ? passOver(look, item) : lookAt(look, item))),
      )
      const tookMs = look.world.clock.monotonicMs() - startedMs
      isSilent ||=
        tookMs >= limits.targetCallMs && looked.some(each => each.state === 'unreachable')
      seen.push(...looked)
    }
  }
  return seen
}

function passOver({ world }: Look, item: PlanItem): PlanItem {
  const because = 'its system did not answer about something else just before'
  return { ...item, state: 'unreachable', because, at: world.clock.now() }
}

async function lookAt(look: Look, item: PlanItem): Promise<PlanItem> {
  const at = look.world.clock.now()
  return looks[item.kind](look, item).catch((thrown: unknown) => {
    const because = isProblem(thrown) ? thrown.detail : 'it could not be looked at'
    return { ...item, state: 'unreachable', because, at }
  })
}

const looks: Readonly<Record<ItemKind, (look: Look, item: PlanItem) => Promise<PlanItem>>> = {
  lease: lookAtLease,
  thing: lookAtThing,
  grant: lookAtHolder,
  'owner-role': lookAtHolder,
  identity: lookAtOurs,
  'trust-rule': lookAtOurs,
  account: sayWho,
}

async function lookAtLease({ world, owner }: Look, item: PlanItem): Promise<PlanItem> {
  const id = item.id as LeaseId
  const due = await findDue(world, id)
  if (due === undefined)
    return { ...item, state: 'unreachable', because: 'its lease is missing', at: world.clock.now() }
  const { lease, salt, holder, object } = due
  const secret = salt === null ? null : world.leaseSecret(id, salt)
  const { principal, intentDeadline: deadline } = lease
  const order = { principal, holder, owner, object, secret, deadline }
  const evidence = await world.targets.call(lease.targetId, 'end', async (target, signal) => {
    const look = () => target.verifyGone({ ...order, acceptedPath: lease.acceptedPath }, signal)
    const first = await look()
    if (judge(first) !== 'still-there') return first
    // What it answers proves nothing, nor that it could not: what is seen then does.
    await target.end(order, signal).catch((thrown: unknown) => {
      if (!isProblem(thrown)) throw thrown
    })
    return look()
  })
  return seen(item, evidence, judge(evidence), evidence.paths)
}

/**
 * Not ours: ended by its own id where the connector can, and then gone only if the list of everything
 * there does not name it either. Where it can not, a person ends it, and a look at all there says so.
 */
async function lookAtThing({ world, appId }: Look, item: PlanItem): Promise<PlanItem> {
  const { found } = await readAppThings(world.store, appId)
  const thing = found.find(({ id }) => id === item.id)
  if (item.targetId === null || thing === undefined)
    return { ...item, state: 'unreachable', because: 'it names no target' }
  const { nativeId: id, kind, goneAt } = thing
  const at = world.clock.now()
  const evidence = await world.targets.call(item.targetId, 'end', async (target, signal) => {
    const ended = await target.endFound?.({ id, kind }, signal)
    if (ended === undefined || judgeHolder(ended) !== 'verified-gone') return ended
    const listed = await listedAt(target, id, signal)
    return { ...ended, listed, because: 'the list of everything there does not say so' }
  })
  if (evidence !== undefined) {
    const state = judgeHolder(evidence)
    const isGone = state === 'verified-gone'
    const of = isGone ? { ...evidence, because: undefined } : evidence
    return seen(item, of, state, ['by its own id', 'list of everything there'])
  }
  const paths = [
    `list of everything there, looked through${goneAt === null ? '' : ` at ${goneAt}`}`,
  ]
  if (goneAt !== null) return { ...item, state: 'verified-gone', paths, because: null, at }
  const because = `a person deletes the ${kind} ${item.name} there; the next look that sees all and not it closes this`
  return { ...item, state: 'still-there', paths, because, at }
}

async function listedAt(
  target: Target,
  id: string,
  signal: AbortSignal,
): Promise<HolderEvidence['listed']> {
  for (let cursor: string | null = null, pages = 0; pages < bounds.lookPages; pages++) {
    const page: InventoryPage = await target.inventory(cursor, signal, 'all')
    if (page.found.some(each => each.id === id)) return 'present'
    if ((page.unseen ?? []).length > 0) return 'unknown'
    cursor = page.next
    if (cursor === null) return 'absent'
  }
  return 'unknown'
}

async function lookAtHolder({ world }: Look, item: PlanItem): Promise<PlanItem> {
  if (item.targetId === null)
    return { ...item, state: 'unreachable', because: 'it names no target' }
  const evidence = await world.targets.call(item.targetId, 'end', async (target, signal) => {
    await target.removeHolder(item.name, signal)
    return target.verifyHolderGone(item.name, signal)
  })
  const { paths } = await world.targets.describe(item.targetId)
  return seen(item, evidence, judgeHolder(evidence), paths.slice(0, 1))
}

/** Ours: the state that every replica enforces, and that nothing alive was issued under it. */
async function lookAtOurs({ world, appId }: Look, item: PlanItem): Promise<PlanItem> {
  const at = world.clock.now()
  const row = await (item.kind === 'identity'
    ? findRow(world.store, identityTable, item.id as IdentityId)
    : findRow(world.store, trustRuleTable, item.id as TrustRuleId))
  const state = row?.state
  const live = await countLive(world.store, appId)
  const isGone = state === 'revoked' && live.tokens === 0 && live.tasks === 0
  return {
    ...item,
    state: isGone ? 'verified-gone' : 'still-there',
    paths: [`${product.name}: revoked, no open task, no live token`],
    because: isGone
      ? null
      : `${state ?? 'missing'}, ${live.tasks} open tasks, ${live.tokens} live tokens`,
    at,
  }
}

/** Nobody but a person can see it. */
async function sayWho({ world }: Look, item: PlanItem): Promise<PlanItem> {
  const because = `no connected system shows it: a person takes it away there, and shows that: ${product.command} evidence`
  return { ...item, state: 'unreachable', because, at: world.clock.now() }
}

function seen(
  item: PlanItem,
  { because, residue, at }: Evidence | HolderEvidence,
  state: PlanItem['state'],
  paths: readonly string[],
): PlanItem {
  const left = residue.length === 0 ? null : `left behind: ${residue.slice(0, 5).join(', ')}`
  return { ...item, state, paths, because: because ?? left, at }
}
