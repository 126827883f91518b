/**
 * Asks an app's own rules: may this user do that to this thing. The answer and everything it was
 * reached from is a decision record. No I/O.
 *
 * As with our own rules an error is a denial: Cedar alone passes over a `forbid` that errors.
 */
import { sha256Hex } from '../../core/base/hash.ts'
import { type AppId, type DecisionId, newId } from '../../core/base/ids.ts'
import { canonicalJson, type JsonObject } from '../../core/base/json.ts'
import type { Instant } from '../../core/base/time.ts'
import type { Replica } from '../../core/ledger/replica.ts'
import type { EngineAnswer, EngineCall } from '../../core/policy/engine/cedar.ts'
import type { Kept } from '../records/line.ts'
import { bounds } from './bounds.ts'
import { appRulesTable } from './rows.ts'
import { pruned } from './shapes.ts'
import { type AppRules, entityOf, openAppRules, type Thing } from './text.ts'

/** Subject and resource as they were sent. */
export interface AppQuestion {
  readonly subject: Thing
  readonly action: string
  readonly resource: Thing
  /** Facts of the action itself are its member `action`, where the rules ask for one. */
  readonly context: JsonObject
}

/** The rules in force of an app; undefined where it brings none. */
export type RulesOf = (appId: AppId) => AppRules | undefined

/** Opened once each, newest in use stay open. */
export function followAppRules(replica: Replica): RulesOf {
  const open = new Map<AppId, AppRules>()
  return appId => {
    const [row] = replica.by(appRulesTable, 'appId', appId)
    if (row === undefined) return undefined
    const held = open.get(appId)
    if (held?.hash === row.hash) return held
    const rules = openAppRules(row.text)
    open.delete(appId)
    open.set(appId, rules)
    const [oldest] = open.keys()
    if (open.size > bounds.open && oldest !== undefined) open.delete(oldest)
    return rules
  }
}

/** Pure: whoever has the record can ask it again. */
export function judgeApp(rules: AppRules, asked: AppQuestion): EngineAnswer {
  if (!rules.shapes.actions.has(asked.action))
    return { allowed: false, rules: [], errors: ['the rules know no such action'] }
  const answer = rules.engine.ask(callOf(rules, asked))
  const errors = answer.errors.toSorted()
  if (errors.length > 0) return { allowed: false, rules: [], errors }
  return { allowed: answer.allowed, rules: answer.rules.toSorted(), errors: [] }
}

/** The question as an engine is asked; an entity without facts says nothing the question does not say. */
export function callOf(rules: AppRules, asked: AppQuestion): EngineCall {
  const [principal, resource] = [entityOf(rules, asked.subject), entityOf(rules, asked.resource)]
  return {
    principal: principal.uid,
    action: { type: 'Action', id: asked.action },
    resource: resource.uid,
    context: pruned(asked.context, rules.shapes.actions.get(asked.action) ?? new Map()),
    entities: [principal, resource].filter(({ attrs }) => Object.keys(attrs).length > 0),
  }
}

export function decideApp(
  rules: AppRules,
  asked: AppQuestion,
  of: { readonly appId: AppId; readonly caller: string; readonly at: Instant },
) {
  const outcome = judgeApp(rules, asked)
  const id: DecisionId = newId('decision')
  const body = canonicalJson({ v: 1, id, ...of, rules: rules.hash, asked, outcome })
  const { appId, at } = of
  const said = { id, at, appId, taskId: null, allowed: outcome.allowed, body }
  const record: Kept = { ...said, hash: sha256Hex(body), kind: 'app' }
  return { outcome, record }
}
