/**
 * Shelter: our own credentials at targets. Made anew by us where the target lets us, from when on nobody has
 * ever seen them: when who gave one leaves, a day after it was given, ahead of its end. Where the target does
 * not let us, a person is told that it is their turn.
 *
 * INVARIANT: at every instant one that the target takes is kept here, sealed: the next one is kept before it
 * is set there, the one before until the next was let in. Whoever comes after a crash has both and goes on.
 * The one before is forgotten only when it was seen refused.
 */
import { systemId, type TargetId } from '../../core/base/ids.ts'
import { canonicalJson, type Json } from '../../core/base/json.ts'
import { checkPermit, type Permit } from '../../core/base/permit.ts'
import { isProblem, problemOf } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import { forEachDue } from '../../core/base/sweep.ts'
import { addMs, msBetween } from '../../core/base/time.ts'
import { raiseIn, resolveIn } from '../../core/finding/raise.ts'
import { findingTable } from '../../core/finding/rows.ts'
import type { ConnectWorld } from '../../core/grant/offer.ts'
import { type TargetRow, targetConfigAad, targetTable } from '../../core/grant/rows.ts'
import type { LeaseWorld } from '../../core/lease/issue.ts'
import type { TargetsWorld } from '../../core/lease/targets.ts'
import { listWhere, lockKnown, throwUnknown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded, type SweepWorld, subjectOf } from '../../core/ledger/record.ts'
import { personTable } from '../../core/people/rows.ts'
import { query, type Sql } from '../../core/store/store.ts'
import turns from './turns.json' with { type: 'json' }

const targetRotated = entryKind('target.rotate', 'made its own credential there anew')
const credentialSeen = entryKind('target.before', 'tried the credentials before there')
const kind = 'target-credential'

/** What a person gave is theirs to look at so long; so long before its end, or half of a short life, the next has its turn. */
const [seenMs, aheadMs] = [24 * 3_600_000, 7 * 24 * 3_600_000]

export type ShelterWorld = ConnectWorld & Pick<LeaseWorld, 'targets'> & Pick<TargetsWorld, 'unseal'>

/** What became of those before. */
export type Before = 'refused' | 'still-there' | 'unknown'

/** Problem `wrong-state` where only a person can; `target-refused` where the next one is not let in. */
export async function rotateTarget(
  world: ShelterWorld,
  permit: Permit<'target.connect' | 'key.rotate'>,
  target: TargetRow,
): Promise<Before> {
  const { id, slug } = target
  checkPermit(permit, permit.action, id)
  const next = await world.targets.call(id, 'end', async (opened, signal) => {
    const draft = opened.draftAdmin?.()
    if (draft === undefined) throw problemOf('not-made-anew', { slug, step: byHand(target) })
    // 1. Kept before the target hears of it; what a crash left half set is set again.
    const sealed = world.seal(Buffer.from(canonicalJson(draft)), targetConfigAad(id))
    const [kept] = await query<{ pending: string }>(world.store)`update target_config
      set pending = coalesce(pending, ${sealed}) where target_id = ${id} returning pending`
    const pending = kept?.pending ?? throwUnknown('target')
    // 2. Set there, and let in.
    await opened.rotateAdmin?.(unsealed(world, id, pending), signal)
    return pending
  })
  // 3. Used from here on, unless somebody else was faster or a person connected it again.
  await recorded(world, async scope => {
    const row = await lockKnown(scope.tx, targetTable, id)
    const taken = await query(scope.tx)`update target_config
      set sealed = ${next}, pending = null, own_at = ${scope.at}, previous = previous || sealed
        where target_id = ${id} and pending = ${next} returning 1`
    if (taken.length === 0) return
    const adminEndsAt = addMs(scope.at, msBetween(row.adminRotatedAt, row.adminEndsAt))
    await scope.save(targetTable, row, { ...row, adminRotatedAt: scope.at, adminEndsAt })
    scope.entry({ kind: targetRotated, by: permit })
  })
  // 4. The one before is refused, or a person is told.
  return lookBack(world, world.replica.get(targetTable, id) ?? target)
}

/**
 * Sealed: what is used, what is being set there now, what was used before and was not seen refused. Whether
 * others use it too, and whether we made it ourselves, so that nobody has seen it; who connects again by the
 * code before says nothing of it.
 */
export async function readKept(sql: Sql, id: TargetId) {
  type Kept = {
    sealed: string
    pending: string | null
    previous: string[]
    isOwn: boolean
    isShared: boolean
  }
  const [kept] = await query<Kept>(sql)`
    select sealed, pending, previous, is_shared as "isShared", coalesce(own_at = admin_rotated_at, false) as "isOwn"
      from target_config join target on target.id = target_id where target_id = ${id}`
  return kept ?? throwUnknown('target')
}

/** When what a person gave is made anew by itself; null where it is not, or nobody can tell now. */
export async function anewAt(world: ShelterWorld, { id, adminRotatedAt }: TargetRow) {
  const { isOwn, isShared } = await readKept(world.store, id)
  const described = await world.targets.describe(id).catch(() => undefined)
  return isOwn || isShared || !described?.canRotate ? null : addMs(adminRotatedAt, seenMs)
}

/**
 * Tries what was used before, and forgets what is refused. What is left, or whose turn it is, a person is
 * told once: its owner, or where that is who left, whoever has the role `platform`. Taken back when over.
 */
export async function lookBack(
  world: ShelterWorld,
  target: TargetRow,
  turn?: 'left' | 'ends' | 'refuses',
): Promise<Before> {
  const { id, ownerId, adminRotatedAt } = target
  const { sealed, previous } = await readKept(world.store, id)
  const used = canonicalJson(unsealed(world, id, sealed))
  const tried = previous.map(async kept => {
    const each = unsealed(world, id, kept)
    if (canonicalJson(each) === used) return 'refused'
    const call = world.targets.call(id, 'end', async (at, signal) => at.tryAdmin?.(each, signal))
    return call.catch(() => undefined)
  })
  const says = await Promise.all(tried)
  const refused = previous.filter((_, i) => says[i] === 'refused')
  const left = says.includes('accepted') ? 'still-there' : 'unknown'
  const before = refused.length === previous.length ? 'refused' : left
  const because = before === 'refused' ? turn : before
  const known = await listWhere(world.store, findingTable, { kind, about: id })
  // What a person answered is not said again of the same credential.
  const isAnswered = known.some(
    ({ state, details, madeAt }) =>
      state === 'answered' && details['because'] === because && madeAt >= adminRotatedAt,
  )
  const isSaid = isAnswered || known.some(({ state }) => state === 'open')
  if (refused.length === 0 && isSaid === (because !== undefined)) return before
  await recorded(world, async scope => {
    await query(scope.tx)`update target_config set previous =
      array(select unnest(previous) except select unnest(${refused}::text[])) where target_id = ${id}`
    if (because === undefined) await resolveIn(scope, kind, id)
    else if (!isSaid) {
      const words = `At ${target.slug}, ${turns[because]}. ${byHand(target)}`
      const of = { kind, about: id, severity: 'high', details: { because } } as const
      await raiseIn(scope, { ...of, ownerId: because === 'left' ? null : ownerId, words })
    }
    const facts = { refused: refused.length, because: because ?? null }
    const subjects = [subjectOf(targetTable, target)]
    scope.entry({ kind: credentialSeen, by: systemId('schedule'), subjects, facts })
  })
  return before
}

function unsealed({ unseal }: ShelterWorld, id: TargetId, sealed: string): Json {
  return JSON.parse(Buffer.from(unseal(sealed, targetConfigAad(id))).toString('utf8')) as Json
}

/** What is away, or does not take a new one, has its turn in the next pass. */
export async function sweepShelter(world: ShelterWorld & SweepWorld): Promise<number> {
  return forEachDue(world.replica.all(targetTable), async target => {
    const { id, ownerId, adminRotatedAt, adminEndsAt } = target
    const { pending, isOwn, isShared } = await readKept(world.store, id)
    const now = world.clock.now()
    const isLeft = !isOwn && world.replica.get(personTable, ownerId)?.state !== 'living'
    const lifeMs = msBetween(adminRotatedAt, adminEndsAt)
    const isEnding = addMs(now, Math.min(aheadMs, lifeMs / 2)) >= adminEndsAt
    const isSeen = !isOwn && now >= addMs(adminRotatedAt, seenMs)
    // What others use is made anew by word alone, which a crash may have left half done.
    const isDue = pending !== null || (!isShared && (isLeft || isEnding || isSeen))
    if (!isDue || (await world.targets.describe(id)).canRotate !== true)
      return lookBack(world, target, isLeft ? 'left' : isEnding ? 'ends' : undefined)
    const permit = world.permitFor(systemId('schedule'), 'key.rotate', { type: 'key', id })
    return rotateTarget(world, permit, target).catch((thrown: unknown) => {
      if (!isProblem(thrown)) throw thrown
      return thrown.code === 'target-refused' ? lookBack(world, target, 'refuses') : undefined
    })
  })
}

function byHand({ connector, slug }: TargetRow): string {
  return `By hand: make another there, then ${product.command} connect ${connector} --name ${slug} --config FILE`
}
