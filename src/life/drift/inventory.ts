/**
 * What exists at the targets under our prefix must be a lease that is not gone (design §8, I1). What is
 * there and is none is stopped where it stands and told to a person: made before an older database was
 * put back, by somebody with our name, or left by a fault of ours. Nothing is removed: nobody knows
 * whose it is.
 */
import { type LeaseId, systemId, type TargetId } from '../../core/base/ids.ts'
import { isProblem } from '../../core/base/problem.ts'
import { raiseIn, resolveIn } from '../../core/finding/raise.ts'
import { findingTable } from '../../core/finding/rows.ts'
import { type TargetRow, targetTable } from '../../core/grant/rows.ts'
import type { LeaseWorld } from '../../core/lease/issue.ts'
import { prefixOf } from '../../core/lease/names.ts'
import { findWhere } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded } from '../../core/ledger/record.ts'
import type { InventoryPage } from '../../core/target/target.ts'
import { bounds } from './bounds.ts'
import { openPrincipals } from './rows.ts'

const strangerFound = entryKind(
  'target.stranger',
  'found a credential under our name that is no lease',
)
const strangerGone = entryKind('target.stranger-gone', 'saw that it is not there any more')
const kind = 'unknown-principal'

type Target = Pick<TargetRow, 'id' | 'slug' | 'ownerId'>

/** One look at every target. Answers the names that are no lease; a target that is away is passed over. */
export async function takeInventory(world: LeaseWorld): Promise<string[]> {
  const targets = world.replica.all(targetTable).filter(({ state }) => state === 'active')
  const found = await Promise.all(targets.map(target => lookAround(world, target)))
  return found.flat()
}

async function lookAround(world: LeaseWorld, target: Target): Promise<string[]> {
  try {
    if ((await world.targets.describe(target.id)).isNameless === true) return []
    const suspects = await strangersAt(world, target.id)
    // Seen twice: a lease that ended between its look and ours is not there the second time.
    const again = suspects.length === 0 ? [] : await strangersAt(world, target.id)
    const strangers = suspects.filter(name => again.includes(name))
    for (const name of strangers) await stopStranger(world, target, name)
    await resolveGone(world, target.id, strangers)
    return strangers
  } catch (thrown) {
    if (isProblem(thrown)) return []
    throw thrown
  }
}

/**
 * Names there under our installation's prefix whose lease is gone, or was never heard of. Held against
 * our rows page by page: what is kept is what is found, however much there is.
 */
async function strangersAt(world: LeaseWorld, targetId: TargetId): Promise<string[]> {
  const prefix = prefixOf(world.installationId())
  const strangers: string[] = []
  let cursor: string | null = null
  for (let pages = 0; pages < bounds.inventoryPages; pages++) {
    const from: string | null = cursor
    const page: InventoryPage = await world.targets.call(targetId, 'end', (target, signal) =>
      target.inventory(from, signal),
    )
    const names = page.found.flatMap(({ kind: what, name }) =>
      what === 'principal' && name.startsWith(prefix) ? [name] : [],
    )
    if (names.length > 0) strangers.push(...(await withoutLease(world, names)))
    cursor = page.next
    if (cursor === null) break
  }
  return strangers
}

async function withoutLease(world: LeaseWorld, names: readonly string[]): Promise<string[]> {
  const ids = names.map(name => `ls_${name.slice(name.lastIndexOf('_') + 1)}` as LeaseId)
  // After the page: an intent is committed before anything of it is made.
  const open = await openPrincipals(world.store, ids)
  return names.filter(name => !open.has(name))
}

/** Told once while it lasts, and not again after somebody answered. */
async function stopStranger(world: LeaseWorld, target: Target, name: string): Promise<void> {
  const about = aboutOf(target.id, name)
  if (openAbout(world).includes(about)) return
  if (await findWhere(world.store, findingTable, { kind, about, state: 'answered' })) return
  const isStopped = await world.targets
    .call(target.id, 'end', (at, signal) => at.hold(name, signal))
    .then(
      () => true,
      () => false,
    )
  const state = isStopped
    ? 'It can not sign in any more.'
    : 'It could not be stopped: do it by hand.'
  await recorded(world, async scope => {
    await raiseIn(scope, {
      kind,
      severity: 'high',
      about,
      ownerId: target.ownerId,
      details: { targetId: target.id, principal: name, isStopped },
      words: `${name} is at ${target.slug} and no lease of ours is it. ${state} Find out whose it was, and remove it there.`,
    })
    scope.entry({
      kind: strangerFound,
      by: systemId('lease-sweep'),
      subjects: [{ type: 'target', id: target.id, version: 0 }],
      facts: { principal: name, isStopped },
    })
  })
}

async function resolveGone(world: LeaseWorld, targetId: TargetId, strangers: readonly string[]) {
  const there = new Set(strangers.map(name => aboutOf(targetId, name)))
  const gone = openAbout(world).filter(
    about => about.startsWith(`${targetId} `) && !there.has(about),
  )
  for (const about of gone)
    await recorded(world, async scope => {
      await resolveIn(scope, kind, about)
      scope.entry({ kind: strangerGone, by: systemId('lease-sweep'), facts: { about } })
    })
}

function openAbout({ replica }: LeaseWorld): string[] {
  const open = replica.all(findingTable)
  return open.filter(each => each.kind === kind && each.state === 'open').map(each => each.about)
}

function aboutOf(targetId: TargetId, name: string): string {
  return `${targetId} ${name}`
}
