/**
 * Run: drives an ending app to proven. Resumable at every line: what was done is looked at again, what
 * was not is done. Ends with a certificate either way; a certificate that is not green says so.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { finishEnd } from '../../core/app/events.ts'
import { findApp } from '../../core/app/rows.ts'
import { type AppId, type LeaseId, newId, type OffboardingId } from '../../core/base/ids.ts'
import { checkPermit, type Permit } from '../../core/base/permit.ts'
import { problemOf } from '../../core/base/problem.ts'
import { addMs, type Instant, msBetween } from '../../core/base/time.ts'
import { raiseIn } from '../../core/finding/raise.ts'
import { nextTryAt } from '../../core/lease/lease.ts'
import { ownerName } from '../../core/lease/names.ts'
import { shredSalts } from '../../core/lease/rows.ts'
import { driveLeasesOf, type SweepWorld } from '../../core/lease/sweep.ts'
import { throwUnknown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded } from '../../core/ledger/record.ts'
import { bounds } from './bounds.ts'
import { type CertifyWorld, certify } from './certify.ts'
import { withEvidence } from './evidence.ts'
import { outcomeOf } from './graduate.ts'
import { isGreen, type PlanItem } from './item.ts'
import { lookAtSystem } from './look.ts'
import { type Plan, planOf } from './plan.ts'
import * as rows from './rows.ts'

const offboardingBegun = entryKind('offboard.begin', 'began to take an app down')
const offboardingSeen = entryKind('offboard.look', 'looked whether an app is gone')

export interface OffboardWorld extends SweepWorld, CertifyWorld {
  /** Lets the chapters that own the children of an ended app pull what that means for them. */
  readonly sweepChildren: () => Promise<void>
}

/** When a green end is looked at again: +1 h, +24 h, +7 d after it was first proven. */
export const recheckAfterMs = [3_600_000, 24 * 3_600_000, 7 * 24 * 3_600_000] as const

/** The plan as it would be carried out now: the dry run. */
export async function planOffboarding(world: OffboardWorld, appId: AppId): Promise<Plan> {
  const app = (await findApp(world.store, appId)) ?? throwUnknown('app')
  const things = await rows.readAppThings(world.store, appId)
  return planOf(app, things, ownerName(world.installationId(), appId))
}

/**
 * One run over everything. Returns how it stands; what is not green is due again by itself. Problem
 * `conflict` while somebody else is at it.
 */
export async function runOffboarding(
  world: OffboardWorld,
  permit: Permit<'offboard.run'>,
  input: { appId: AppId },
): Promise<rows.OffboardingRow> {
  checkPermit(permit, 'offboard.run', input.appId)
  const now = world.clock.now()
  const until = addMs(now, bounds.offboardHoldMs)
  if (!(await rows.claimOffboarding(world.store, input.appId, { now, until })))
    throw problemOf('app-being-taken-down')
  try {
    return await takeDown(world, permit, input.appId)
  } finally {
    await rows.releaseOffboarding(world.store, input.appId)
  }
}

async function takeDown(world: OffboardWorld, permit: Permit<'offboard.run'>, appId: AppId) {
  const app = (await findApp(world.store, appId)) ?? throwUnknown('app')
  if (!['ending', 'ended', 'graduated'].includes(app.state))
    throw problemOf('app-not-ending', { slug: app.slug, state: app.state })
  // 1. Nothing new can come: tasks close, identities and grants end with their app.
  await world.sweepChildren()
  // 2. Live credentials first; one that hangs is waited for below, and holds up nothing elsewhere.
  const driven = driveLeasesOf(world, { appId: app.id })
  driven.catch(() => {})
  await Promise.race([driven, wait(bounds.driveTurnMs, undefined, { ref: false })])
  // 3. Then every thing the app ever had, looked at now.
  const plan = await planOffboarding(world, app.id)
  const [looked] = await Promise.all([lookAtAll(world, app.id, plan), driven])
  const items = await withEvidence(world.store, app.id, looked, world.clock.now())
  // 4. What was seen, and the verdict, in the log.
  const row = await recordLook(world, permit, plan, items)
  // 5. Proven: the app is ended.
  if (items.every(isGreen) && app.state === 'ending')
    await finishEnd(world, permit, { appId, outcome: await outcomeOf(world.store, appId) })
  // 6. The certificate says exactly this.
  const certified = await certify(world, { row, plan, items })
  // 7. Until here a crash comes back within seconds; from here on it is looked at on its days.
  if (row.state === 'verified-gone') await planRecheck(world, certified, plan)
  return certified
}

/** After the last re-check nothing will ever try the credentials again, so what derives them goes. */
async function planRecheck(world: OffboardWorld, row: rows.OffboardingRow, plan: Plan) {
  const wait = recheckAfterMs[row.rechecks]
  const leases = plan.items.filter(item => item.kind === 'lease')
  if (wait === undefined)
    await shredSalts(
      world.store,
      leases.map(item => item.id as LeaseId),
    )
  const dueAt = wait === undefined ? null : addMs(world.clock.now(), wait)
  await rows.setNextLook(world.store, row.id, dueAt)
}

/**
 * One target beside the other, at each its leases before its grants; our own things when no target has
 * anything left to do.
 */
async function lookAtAll(world: OffboardWorld, appId: AppId, plan: Plan): Promise<PlanItem[]> {
  const look = { world, appId, owner: ownerName(world.installationId(), appId) }
  const bySystem = Map.groupBy(plan.items, item => item.targetId)
  const ours = bySystem.get(null) ?? []
  bySystem.delete(null)
  const seen = await Promise.all([...bySystem.values()].map(items => lookAtSystem(look, items)))
  return [...seen.flat(), ...(await lookAtSystem(look, ours))].sort((a, b) => a.order - b.order)
}

async function recordLook(
  world: OffboardWorld,
  permit: Permit<'offboard.run'>,
  plan: Plan,
  items: readonly PlanItem[],
): Promise<rows.OffboardingRow> {
  const known = await rows.findOffboarding(world.store, plan.appId)
  const isGone = items.every(isGreen)
  const state = isGone ? 'verified-gone' : 'not-green'
  return recorded(world, async scope => {
    const said = { appId: plan.appId, planHash: plan.hash, state } as const
    const again = known !== undefined && isRecheck(known, scope.at) ? 1 : 0
    const rechecks = isGone ? (known?.rechecks ?? 0) + again : 0
    const first = { id: newId('offboarding'), ...said, rechecks }
    const saved = await (known === undefined
      ? scope.insert(rows.offboardingTable, first)
      : scope.save(rows.offboardingTable, known, { ...known, ...said, rechecks }))
    const work = await rows.findWork(scope.tx, saved.id)
    const tries = isGone ? 0 : (work?.tries ?? 0) + 1
    await rows.putWork(scope.tx, saved.id, {
      plan: plan.text,
      items,
      dueAt: nextTryAt(scope.at, Math.max(tries, 1)),
      tries,
    })
    if (known?.state === 'verified-gone' && !isGone) await raiseReturned(scope, saved, items)
    scope.entry({
      kind: known === undefined ? offboardingBegun : offboardingSeen,
      by: permit,
      subjects: [{ type: 'app', id: plan.appId, version: 0 }],
      facts: {
        green: items.filter(isGreen).length,
        of: items.length,
        items: items.map(({ order, kind, id, state: is }) => ({ order, kind, id, state: is })),
      },
    })
    return saved
  })
}

/** A look on its day, not one that repeats a run cut short. */
function isRecheck(known: rows.OffboardingRow, now: Instant): boolean {
  const wait = recheckAfterMs[known.rechecks]
  if (known.state !== 'verified-gone' || known.certifiedAt === null || wait === undefined)
    return false
  return msBetween(known.certifiedAt, now) >= wait
}

/** Access that was proven gone is there again: somebody made it, and a person must look. */
async function raiseReturned(
  scope: Parameters<typeof raiseIn>[0],
  row: { id: OffboardingId; appId: AppId },
  items: readonly PlanItem[],
): Promise<void> {
  const back = items.filter(item => !isGreen(item))
  await raiseIn(scope, {
    kind: 'offboard-returned',
    severity: 'high',
    about: row.appId,
    details: { items: back.map(({ kind, id, state }) => ({ kind, id, state })) },
    words: `Access of an ended app is there again: ${back.map(item => item.name).join(', ')}. It is being taken down; find out who made it.`,
  })
}
