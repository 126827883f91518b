/** Holds and findings: orders to stop, and what needs a person. */
import { isId, newId } from '../../core/base/ids.ts'
import { Problem } from '../../core/base/problem.ts'
import { answerFinding } from '../../core/finding/raise.ts'
import { findFinding } from '../../core/finding/rows.ts'
import type { HoldScope } from '../../core/hold/rows.ts'
import { liftHold, setHold } from '../../core/hold/set.ts'
import { identityTable } from '../../core/identity/rows.ts'
import { findRow } from '../../core/ledger/find-row.ts'
import { listHolds, listOpenFindings } from '../../life/lists/lists.ts'
import type { KnownCaller } from './caller.ts'
import { findPersonBy, findVisibleApp, hasRole, noSuch, parseId } from './find.ts'
import { AnswerFinding, SetHold } from './inputs.ts'
import { listOf } from './parts.ts'
import type { Routes } from './route.ts'
import { findingView, holdView } from './show.ts'
import { FindingView, HoldView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addHoldRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/holds', listOf(HoldView), async () => {
    const holds = await listHolds(world.store)
    return { items: await Promise.all(holds.map(hold => holdView(world, hold))) }
  })
  routes.add('person POST /v1/holds', HoldView, SetHold, async ({ caller, input, ask }) => {
    const { scope, reason } = input
    const id = newId('hold')
    const about = await heldThing(world, caller, scope, input.about)
    const draft = { scope, ...(scope === 'app' ? { appId: about } : {}) }
    const permit = await ask('hold.set', 'hold', id, draft)
    const hold = await setHold(world, permit, { id, scope, about, reason })
    await world.runNow('leases')
    return holdView(world, hold)
  })
  routes.add('person POST /v1/holds/:hold/lift', HoldView, async call => {
    const holdId = call.param('hold')
    if (!isId('hold', holdId)) throw noSuch('hold')
    const permit = await call.ask('hold.lift', 'hold', holdId)
    return holdView(world, await liftHold(world, permit, { holdId }))
  })
}

export function addFindingRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/findings', listOf(FindingView), async ({ caller }) => {
    const mine = hasRole(world, caller.personId) ? {} : { ownerId: caller.personId }
    const findings = await listOpenFindings(world.store, mine)
    return { items: await Promise.all(findings.map(finding => findingView(world, finding))) }
  })
  routes.add('person POST /v1/findings/:finding/answer', FindingView, AnswerFinding, async call => {
    const id = await parseId(world.store, 'finding', call.param('finding'))
    const finding = await findFinding(world.store, id)
    const { personId } = call.caller
    if (finding === undefined || !(finding.ownerId === personId || hasRole(world, personId)))
      throw noSuch('finding')
    const permit = await call.ask('finding.answer', 'finding', id, { ownerId: finding.ownerId })
    const { answer } = call.input
    return findingView(world, await answerFinding(world, permit, { findingId: id, answer }))
  })
}

async function heldThing(
  world: ApiWorld,
  caller: KnownCaller,
  scope: HoldScope,
  named: string | undefined,
): Promise<string> {
  if (scope === 'everything') return scope
  if (named === undefined)
    throw new Problem('invalid-field', {
      field: '/about',
      detail: `Which ${scope}?`,
      next: 'Name it in `about`.',
    })
  if (scope === 'app') return (await findVisibleApp(world, caller, named)).id
  if (scope === 'person') return (await findPersonBy(world.store, named, '/about')).id
  const isOne = isId('identity', named) && (await findRow(world.store, identityTable, named))
  if (!isOne) throw noSuch('identity')
  return named
}
