/**
 * Looks at whole targets for what is there and not ours: each once a day, a page at a time, going on
 * after a crash where it stopped. Reads there and changes nothing; only what differs is written here.
 *
 * INVARIANT: a thing is gone only after a look that saw no less than those that saw it, and did not see
 * it. Where a page did not come, or something is hidden that was not hidden before, nobody knows.
 */
import { appTable } from '../../core/app/rows.ts'
import { sha256Hex } from '../../core/base/hash.ts'
import { newId, systemId, type TargetId } from '../../core/base/ids.ts'
import { isProblem } from '../../core/base/problem.ts'
import { safeText } from '../../core/base/text.ts'
import { addMs, type Instant, msBetween, parseInstant } from '../../core/base/time.ts'
import { words } from '../../core/base/words.ts'
import type { Targets } from '../../core/lease/targets.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { onTaken } from '../../core/store/fault.ts'
import type { Found } from '../../core/target/target.ts'
import { bounds } from './bounds.ts'
import * as rows from './rows.ts'
import { stepThing } from './thing.ts'

const thingsSeen = entryKind('thing.see', 'saw what is there and not ours')
const thingsGone = entryKind('thing.gone', 'saw that it is not there any more')
/** What lets somebody in; sessions and objects do not. */
const kinds: readonly Found['kind'][] = words(
  'account key role app token trust secret variable hook runner',
)

export type LookWorld = LedgerWorld & { readonly targets: Targets }

/** Returns at how many targets it looked. One that is away is looked at again by the next run. */
export async function sweepLooks(world: LookWorld): Promise<number> {
  const now = world.clock.now()
  const since = addMs(now, -bounds.lookEveryMs)
  let looked = 0
  for (const { targetId, begunAt, work } of await rows.listDueLooks(world.store, since)) {
    // What broke off goes on; but not for ever: its cursor may mean nothing any more.
    const isOn = work?.isOn === true && begunAt > since
    try {
      await lookOn(world, { targetId, begunAt: isOn ? begunAt : now }, isOn ? work : anew(work))
      looked++
    } catch (thrown) {
      if (!isProblem(thrown)) throw thrown
    }
  }
  return looked
}

/**
 * One look begun now, whenever the last one was: `isOver` where it came to its end, `unseen` what it was
 * not shown. Problem of the target where a page does not come; the next run of the sweep goes on.
 */
export async function lookNow(world: LookWorld, targetId: TargetId) {
  const begunAt = world.clock.now()
  const work = await rows.findWork(world.store, targetId)
  return { begunAt, ...(await lookOn(world, { targetId, begunAt }, anew(work))) }
}

const anew = (work: rows.LookWork | null): rows.LookWork => {
  return { cursor: null, isOn: true, things: 0, hidden: [], before: work?.before ?? null }
}

type At = Pick<rows.Look, 'targetId' | 'begunAt'>

async function lookOn(world: LookWorld, at: At, begun: rows.LookWork) {
  let { cursor, things } = begun
  const { before } = begun
  const hidden = new Set(begun.hidden)
  const unseen = new Set<string>()
  const put = (more: object) =>
    rows.putLook(world.store, {
      ...at,
      work: { cursor, isOn: true, things, hidden: [...hidden], before, ...more },
    })
  for (let pages = 0; pages < bounds.pagesAtOnce; pages++) {
    const from = cursor
    const page = await world.targets.call(at.targetId, 'end', (target, signal) =>
      target.inventory(from, signal, 'all'),
    )
    const found = page.found.filter(each => !each.ours && kinds.includes(each.kind))
    things += found.length
    const isTooMany = things > bounds.thingsOfTarget
    if (isTooMany) for (const set of [hidden, unseen]) set.add('what is beyond the bound')
    else await keepPage(world, at.targetId, found)
    // Short, since they are kept with every page.
    for (const { what, needs, of = '' } of page.unseen ?? []) {
      hidden.add(sha256Hex(`${what} ${needs} ${of}`).slice(0, 16))
      unseen.add(safeText(`${what}: ${needs}`, bounds.nameChars))
    }
    cursor = isTooMany ? null : page.next
    if (cursor === null) break
    await put({})
  }
  const seen = { isOver: cursor === null, things, unseen: [...unseen] }
  if (!seen.isOver) return seen
  const sawAll = before === null || [...hidden].every(each => before.includes(each))
  if (sawAll) await keepMissed(world, at)
  // What some look did not see is not missed until one sees as much as each of them.
  const least = sawAll ? [...hidden] : before.filter(each => hidden.has(each))
  await put({ isOn: false, before: least })
  return seen
}

const meanwhile = {
  detail: 'Another process looks at this target.',
  next: 'Nothing to do: the next run goes on.',
}

async function keepPage(world: LookWorld, targetId: TargetId, found: readonly Found[]) {
  const seen = new Map(found.map(each => [safeText(each.id, bounds.nameChars), each]))
  const ids = [...seen.keys()]
  const known = await rows.findNative(world.store, targetId, ids)
  const knownIds = new Set(known.map(({ nativeId }) => nativeId))
  const now = world.clock.now()
  const changed = known.flatMap(before => {
    const app = before.appId === null ? undefined : world.replica.get(appTable, before.appId)
    const isOver = app?.state === 'ended' || app?.state === 'graduated'
    const stepped = stepThing(before, { kind: 'seen', isOver }, now)
    const after = isProblem(stepped)
      ? before
      : toldAgain(before, stepped, seen.get(before.nativeId))
    return after === before ? [] : [{ before, after }]
  })
  const fresh = [...seen].filter(([id]) => !knownIds.has(id))
  if (changed.length + fresh.length > 0)
    await recorded(world, async scope => {
      await scope.saveAll(rows.thingTable, changed)
      for (const [nativeId, each] of fresh) {
        const first = { id: newId('thing'), targetId, nativeId, firstSeenAt: scope.at } as const
        await scope.insert(rows.thingTable, { ...first, ...toldOf(each), state: 'found' })
      }
      scope.entry({
        kind: thingsSeen,
        by: systemId('discovery'),
        subjects: [{ type: 'target', id: targetId, version: 0 }],
        facts: { new: fresh.length, changed: changed.length },
      })
    }).catch(onTaken('found_thing_native', meanwhile))
  await rows.markSeen(world.store, targetId, ids, now)
}

/** ATTACKER: names there are chosen by whoever made the thing. */
function toldOf({ kind, name, creator, madeAt, lastUsedAt, endsAt = null, details }: Found) {
  const shown = (text: string) => safeText(text, bounds.nameChars)
  const until = details['validUntil']
  return {
    kind,
    name: shown(name),
    creator: creator === undefined ? null : shown(creator),
    madeAt,
    lastUsedAt,
    endsAt: endsAt ?? (typeof until === 'string' ? parseInstant(until) : null),
  }
}

/** The same row where nothing is new. */
function toldAgain(before: rows.ThingRow, stepped: rows.ThingRow, found: Found | undefined) {
  if (found === undefined) return before
  const { lastUsedAt, ...told } = toldOf(found)
  const usedAt = isLater(lastUsedAt, before.lastUsedAt) ? lastUsedAt : before.lastUsedAt
  const after = { ...stepped, ...told, lastUsedAt: usedAt }
  const isSame = rows.thingTable.columns.every(column => after[column] === before[column])
  return isSame ? before : after
}

function isLater(now: Instant | null, before: Instant | null): boolean {
  if (now === null || before === null) return now !== null
  return msBetween(before, now) >= bounds.usedEveryMs
}

async function keepMissed(world: LookWorld, { targetId, begunAt }: At): Promise<void> {
  for (;;) {
    const missed = await rows.listMissed(world.store, targetId, begunAt)
    if (missed.length === 0) return
    await recorded(world, async scope => {
      const gone = missed.flatMap(before => {
        const after = stepThing(before, { kind: 'missed' }, scope.at)
        return isProblem(after) ? [] : [{ before, after }]
      })
      await scope.saveAll(rows.thingTable, gone)
      const subjects = [{ type: 'target', id: targetId, version: 0 }]
      const by = systemId('discovery')
      scope.entry({ kind: thingsGone, by, subjects, facts: { gone: gone.length } })
    })
  }
}
