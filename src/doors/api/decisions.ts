/** Decisions and the policy they were made under: look, ask why, try a change, check, propose. */
import { z } from '@hono/zod-openapi'
import { appTable } from '../../core/app/rows.ts'
import { type AppId, shortId } from '../../core/base/ids.ts'
import type { DecisionRecord } from '../../core/base/permit.ts'
import { openBundle, withFile } from '../../core/policy/bundle.ts'
import { checkCases, readCases } from '../../core/policy/cases.ts'
import { policyApprovers, proposePolicy } from '../../core/policy/propose.ts'
import { readRecord, summarize } from '../../core/policy/record.ts'
import { replayLog, whyDenied } from '../../core/policy/replay.ts'
import { findDecision, lastDenied, listDecisionsOf } from '../../core/policy/rows.ts'
import type { DecisionView as DecisionViewType, DenialView as DenialViewType } from './contract.ts'
import { findVisibleApp, noSuch, parseId, visibleApps } from './find.ts'
import { PolicyText } from './inputs.ts'
import { denialView, permitted } from './permitted.ts'
import { ReplayView } from './proof-views.ts'
import { raise } from './requests.ts'
import type { Routes } from './route.ts'
import { DecisionView, PolicyCheckView, RequestView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addDecisionRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/decisions',
      says: 'What was decided for an app, newest first.',
      who: 'signed-in',
      query: z.object({ app: z.string() }),
      answer: z.object({ items: z.array(DecisionView) }),
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.query('app') ?? '')
      const records = await listDecisionsOf(world.store, app.id)
      return { items: await Promise.all(records.map(record => decisionView(world, record, null))) }
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/decisions/:decision',
      says: 'One decision; of a no also why, and what would be a yes.',
      who: 'signed-in',
      answer: DecisionView,
    },
    async call => {
      const id = await parseId(world.store, 'decision', call.param('decision'))
      const record = await findDecision(world.store, id)
      const visible = visibleApps(world, call.caller)
      if (
        record === undefined ||
        (visible !== null && (record.appId === null || !visible.includes(record.appId)))
      )
        throw noSuch('decision')
      return decisionView(world, record, await denialOf(world, record))
    },
  )
}

export function addPolicyRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/policy',
      says: 'The rules in force.',
      who: 'person',
      answer: z.object({
        hash: z.string(),
        files: z.array(z.object({ name: z.string(), by: z.string(), text: z.string() })),
      }),
    },
    async () => {
      const { hash, text } = world.policies()
      return { hash, files: text.files.map(file => ({ ...file })) }
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/policy/try',
      says: 'Plays what was decided again, also under a changed policy. Changes nothing.',
      who: 'person',
      body: PolicyText,
      answer: ReplayView,
    },
    async call => {
      await permitted(world, {
        actor: call.caller.actor,
        action: 'log.read',
        about: world.installationThing(),
      })
      const replay = await replayLog(world, call.body.text === '' ? null : call.body.text)
      return {
        decisions: replay.decisions,
        identical: replay.identical,
        bundle: world.policies().hash,
        changed: replay.changed.map(({ decisionId, what, from, to, rule, line, at }) => ({
          decisionId,
          shortId: shortId('decision', decisionId),
          what,
          from,
          to,
          rule,
          line,
          at,
          stopped: to === 'no' ? what : null,
        })),
      }
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/policy/check',
      says: 'Runs the cases of the rules, also with a file added.',
      who: 'person',
      body: PolicyText,
      answer: PolicyCheckView,
    },
    async call => {
      const held = world.policies()
      const bundle = call.body.text === '' ? held : openBundle(withFile(held.text, call.body.text))
      const { rules, cases, failed } = checkCases(bundle, readCases(bundle))
      return { rules, cases, failed: failed.map(each => ({ ...each })) }
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/policy/propose',
      says: 'Asks for a change of the policy; another person agrees.',
      who: 'person',
      body: PolicyText,
      answer: RequestView,
      status: 201,
    },
    async call => {
      const view = {
        replica: world.replica,
        now: world.clock.now(),
        ageMs: world.freshness().ageMs,
      }
      const { body } = proposePolicy(world.policies(), call.body.text)
      return raise(world, call.caller, {
        kind: 'policy',
        appId: null,
        body,
        reason: call.body.reason ?? 'a change of the policy',
        approvers: policyApprovers(view),
        draft: {},
      })
    },
  )
}

export async function lastDenial(world: ApiWorld, appId: AppId): Promise<DenialViewType | null> {
  const record = await lastDenied(world.store, appId)
  return record === undefined ? null : denialOf(world, record)
}

async function denialOf(world: ApiWorld, record: DecisionRecord): Promise<DenialViewType | null> {
  const denial = await whyDenied(world, record.id)
  return denial === undefined ? null : denialView(denial, record)
}

async function decisionView(
  world: ApiWorld,
  record: DecisionRecord,
  denial: DenialViewType | null,
): Promise<DecisionViewType> {
  const read = readRecord(record.body)
  const app = record.appId === null ? undefined : world.replica.get(appTable, record.appId)
  return {
    id: record.id,
    shortId: shortId('decision', record.id),
    at: record.at,
    app: app?.slug ?? null,
    what: summarize(read),
    allowed: record.allowed,
    rules: [...read.outcome.rules],
    bundle: read.bundle,
    position: read.freshness.position,
    ageMs: read.freshness.ageMs,
    denial,
    record: record.body,
    hash: record.hash,
  }
}
