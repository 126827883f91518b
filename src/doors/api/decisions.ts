/** Decisions and the policy they were made under: look, ask why, try a change, check, propose. */
import { appTable } from '../../core/app/rows.ts'
import type { AppId } from '../../core/base/ids.ts'
import type { DecisionRecord } from '../../core/base/permit.ts'
import { openBundle, withFile } from '../../core/policy/bundle.ts'
import { readRecord } from '../../core/policy/record.ts'
import { proposePolicy } from '../../life/ask/policy.ts'
import { shortId } from '../../life/lists/short-id.ts'
import { checkCases, readCases } from '../../life/why/cases.ts'
import { replayLog, whyDenied } from '../../life/why/replay.ts'
import { findDecision, lastDenied, listDecisionsOf } from '../../life/why/rows.ts'
import { nameTouch } from '../../life/why/touch.ts'
import { summarize } from '../../life/why/words.ts'
import type { DecisionView as DecisionShown, DenialView } from './contract.ts'
import { findOfApp, findVisibleApp } from './find.ts'
import { OfOneApp, PolicyText } from './inputs.ts'
import { denialView } from './permitted.ts'
import { ReplayView } from './proof-views.ts'
import { raise } from './requests.ts'
import type { Routes } from './route.ts'
import { DecisionView, listOf, PolicyCheckView, PolicyView, RequestView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addDecisionRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('signed-in GET /v1/decisions', listOf(DecisionView), OfOneApp, async call => {
    const app = await findVisibleApp(world, call.caller, call.input.app)
    const records = await listDecisionsOf(world.store, app.id)
    return { items: records.map(record => decisionView(world, record, null)) }
  })
  routes.add('signed-in GET /v1/decisions/:decision', DecisionView, async call => {
    const record = await findOfApp(world, call, 'decision', findDecision)
    return decisionView(world, record, await denialOf(world, record))
  })
}

export function addPolicyRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/policy', PolicyView, async () => {
    const { hash, text } = world.policies()
    return { hash, files: text.files }
  })
  routes.add('person POST /v1/policy/try', ReplayView, PolicyText, async ({ input, ask }) => {
    await ask('log.read', 'installation', world.installationThing().id)
    const replay = await replayLog(world, input.text === '' ? null : input.text)
    const changed = replay.changed.map(flip => ({
      ...flip,
      shortId: shortId('decision', flip.decisionId),
      stopped: flip.to === 'no' ? flip.what : null,
    }))
    return { ...replay, bundle: world.policies().hash, changed }
  })
  routes.add('person POST /v1/policy/check', PolicyCheckView, PolicyText, async ({ input }) => {
    const held = world.policies()
    const bundle = input.text === '' ? held : openBundle(withFile(held.text, input.text))
    return checkCases(bundle, readCases(bundle))
  })
  routes.add('person POST /v1/policy/propose', RequestView, PolicyText, async call => {
    const { text, reason = 'a change of the policy' } = call.input
    const { body } = proposePolicy(world.policies(), text)
    return raise(world, call, { kind: 'policy', appId: null, body, reason })
  })
}

export async function lastDenial(world: ApiWorld, appId: AppId): Promise<DenialView | null> {
  const record = await lastDenied(world.store, appId)
  return record === undefined ? null : denialOf(world, record)
}

async function denialOf(world: ApiWorld, record: DecisionRecord): Promise<DenialView | null> {
  const denial = await whyDenied(world, record.id)
  if (denial === undefined) return null
  return denialView(await nameTouch(world.store, denial, record.taskId), record)
}

function decisionView(
  world: ApiWorld,
  record: DecisionRecord,
  denial: DenialView | null,
): DecisionShown {
  const read = readRecord(record.body)
  const app = record.appId && world.replica.get(appTable, record.appId)?.slug
  const { allowed, effect = allowed ? 'permit' : 'deny', rules } = read.outcome
  return {
    ...record,
    ...read.freshness,
    effect,
    rules,
    denial,
    shortId: shortId('decision', record.id),
    app: app ?? null,
    what: summarize(read),
    bundle: read.bundle,
    record: record.body,
  }
}
