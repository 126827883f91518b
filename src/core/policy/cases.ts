/**
 * Cases of rules, as data beside them: what each rule allows or refuses, and the nearest thing it does
 * not. `policy check` runs them against a bundle. A case is a sample question with a few facts changed;
 * the samples are made up here, the decision is the real one.
 *
 *     prototype-read:
 *       reads what was granted: { who: run, do: read }
 *       not without a grant: { who: run, do: read, with: { grant: null }, deny: default-deny }
 *
 * `who`: a person (owner, backup, other, platform, security, auditor, approver), a role of an identity
 * or a sweep (`sy_…`). Without `permit` or `deny` the rule itself is expected, by its effect.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { DecisionId, GrantId } from '../base/ids.ts'
import type { Json, JsonObject } from '../base/json.ts'
import { dataActions } from '../base/permit.ts'
import { assert } from '../base/problem.ts'
import type { Instant } from '../base/time.ts'
import type { Bundle } from './bundle.ts'
import type { Facts } from './facts.ts'
import { judge, type Outcome } from './judge.ts'
import { type AboutType, thingTypes } from './question.ts'
import { bare, uid } from './view.ts'

export interface Case {
  readonly rule: string
  readonly name: string
  readonly who: string
  readonly do: string
  /** Facts that differ from the sample, by dotted name: `app.stage: managed`; null takes one away. */
  readonly with: Readonly<Record<string, Json>>
  readonly expect: { readonly allowed: boolean; readonly rule: string }
}

export interface Failure {
  readonly rule: string
  readonly name: string
  readonly expected: string
  readonly got: string
}

export interface Checked {
  readonly rules: number
  readonly cases: number
  readonly failed: readonly Failure[]
}

/** Every case against the bundle; a rule of the product without a yes and a no beside it fails too. */
export function checkCases(bundle: Bundle, cases: readonly Case[]): Checked {
  const failed = cases.flatMap(each => {
    const { allowed, rules, errors } = runCase(bundle, each)
    if (allowed === each.expect.allowed && rules.includes(each.expect.rule)) return []
    const got = `${allowed ? 'permit' : 'deny'} ${[...rules, ...errors].join(', ')}`
    const expected = `${each.expect.allowed ? 'permit' : 'deny'} ${each.expect.rule}`
    return [{ rule: each.rule, name: each.name, expected, got }]
  })
  for (const rule of bundle.rules.values()) {
    const own = cases.filter(each => each.rule === rule.id)
    const isBoth = [true, false].every(wanted => own.some(each => each.expect.allowed === wanted))
    const isOurs = rule.file.startsWith('guardrails/')
    if (isOurs && !isBoth)
      failed.push({ rule: rule.id, name: 'its cases', expected: 'a yes and a no', got: 'not both' })
  }
  return { rules: bundle.rules.size, cases: cases.length, failed }
}

const folder = new URL('../../../policies/guardrails/', import.meta.url)

/** The cases of the product's own rules, from beside them. */
export function readCases(bundle: Bundle): Case[] {
  const names = readdirSync(folder).filter(name => name.endsWith('.cases.yaml'))
  return names.flatMap(name => parseCases(bundle, readFileSync(new URL(name, folder), 'utf8')))
}

export function parseCases(bundle: Bundle, text: string): Case[] {
  const rules = parse(text, { merge: true }) as Record<string, Record<string, Record<string, Json>>>
  return Object.entries(rules).flatMap(([rule, cases]) =>
    Object.entries(cases).map(([name, { who, do: action, with: facts = {}, permit, deny }]) => {
      const allowed = bundle.rules.get(rule)?.effect === 'permit'
      const own = { allowed, rule }
      const expect =
        permit === undefined && deny === undefined
          ? own
          : { allowed: permit !== undefined, rule: String(permit ?? deny) }
      const asked = { who: String(who), do: String(action) }
      return { rule, name, ...asked, with: facts as Record<string, Json>, expect }
    }),
  )
}

export function runCase(bundle: Bundle, each: Pick<Case, 'who' | 'do' | 'with'>): Outcome {
  let facts = sampleOf(each.who, each.do)
  for (const [path, value] of Object.entries(each.with)) facts = change(facts, path, value)
  const isData = (dataActions as readonly string[]).includes(each.do)
  const { id, type } = facts.principal.uid
  return judge(bundle, {
    v: 1,
    id: 'dc_sample' as DecisionId,
    at: now,
    actor: { kind: type.toLowerCase(), id } as never,
    action: isData ? 'lease.issue' : each.do,
    about: { type: 'sample', id: facts.resource.uid.id },
    bundle: bundle.hash,
    freshness: { position: 1, ageMs: 5, regressed: false },
    facts,
  })
}

// ── the sample world ──

const now = '2026-11-22T14:00:00.000Z' as Instant
const later = '2026-11-27T16:00:00.000Z'
const somebody = (name: string) => uid('Person', `pe_${name}`)
const app = uid('App', 'ap_sample')
const roles = ['build', 'test', 'publish', 'run', 'agent']

/** Everything in order, so that a case says only what is not. */
export function sampleOf(who: string, action: string): Facts {
  const principal = sampleActor(who)
  const isLease = action === 'lease.issue' || action === 'lease.renew'
  const use = dataActions.find(each => each === action) ?? (isLease ? 'read' : undefined)
  if (use !== undefined)
    return {
      principal,
      resource: { uid: sampleData, attrs: resourceFacts, parents: [] },
      context: bare({ ...common, app: working, task }),
      uses: [{ action: use, purposeCovers: true }],
      grants: [{ id: 'gr_sample' as GrantId, facts: { ...grant, actions: [use] } }],
    }
  const opening = action === 'task.open' || action === 'token.exchange'
  return {
    principal,
    resource: { uid: sampleThing(action), attrs: {}, parents: [] },
    context: opening
      ? bare({ ...common, app: working, purposeKnown: true, draft: { purpose: 'board' } })
      : bare({ ...common, ...(appless.has(action) ? {} : { app: whole }), draft: {} }),
    uses: [],
    grants: [],
  }
}

function sampleActor(who: string): Facts['principal'] {
  if (who.startsWith('sy_')) return { uid: uid('System', who), attrs: {}, parents: [] }
  if (roles.includes(who)) {
    const attrs = { app, role: who, state: 'active' }
    return { uid: uid('Identity', `id_${who}`), attrs, parents: [] }
  }
  const own = ['platform', 'security', 'auditor'].includes(who) ? [who] : []
  return { uid: somebody(who), attrs: { roles: own, living: true, held: false }, parents: [] }
}

const sampleData = uid('Resource', 'rs_sample')
const common = { now, mode: 'team', ageMs: 5, holds: 0 }
const working = {
  id: app,
  slug: 'deal-desk',
  owner: somebody('owner'),
  ownerLiving: true,
  stage: 'prototype',
  state: 'active',
  endsAt: later,
}
const whole = {
  ...working,
  backup: somebody('backup'),
  dataClasses: ['internal'],
  madeAt: '2026-11-20T09:00:00.000Z',
  maxEndsAt: '2026-12-20T09:00:00.000Z',
  grants: 1,
}
const task = {
  id: uid('Task', 'tk_sample'),
  purpose: 'board',
  kind: 'job',
  autonomy: 'attended',
  humanInLoop: true,
  onBehalfOf: somebody('owner'),
  touched: [],
  state: 'open',
  endsAt: '2026-11-22T15:00:00.000Z',
}
const resourceFacts = {
  slug: 'crm.deals',
  dataClass: 'internal',
  sandbox: false,
  production: false,
  state: 'active',
  target: uid('Target', 'tg_sample'),
  dataOwner: somebody('approver'),
}
const grant = {
  app,
  resource: sampleData,
  roles,
  columns: 12,
  unattended: false,
  state: 'live',
  endsAt: later,
}

/** Actions that are about no app, or about one that is not there yet. */
const appless = new Set([
  'app.make',
  'person.add',
  'person.leave',
  'person.roles',
  'target.connect',
  'resource.define',
  'policy.change',
  'key.rotate',
])
const thingOf: Readonly<Record<string, AboutType>> = {
  trust: 'trustRule',
  offboard: 'app',
  policy: 'bundle',
  text: 'person',
  log: 'installation',
  key: 'installation',
}

function sampleThing(action: string) {
  const [noun = ''] = action.split('.')
  const type = thingOf[noun] ?? (noun as AboutType)
  return uid(thingTypes[type], `${noun}-sample`)
}

/** `grant: null` takes the grant away; `thing` is what it is about; plain names are of the context. */
function change(facts: Facts, path: string, value: Json): Facts {
  const [first = '', ...rest] = path.split('.')
  switch (first) {
    case 'principal':
      return {
        ...facts,
        principal: { ...facts.principal, attrs: put(facts.principal.attrs, rest, value) },
      }
    case 'resource':
      return {
        ...facts,
        resource: { ...facts.resource, attrs: put(facts.resource.attrs, rest, value) },
      }
    case 'thing':
      return { ...facts, resource: { ...facts.resource, uid: value as never } }
    case 'grant':
      return {
        ...facts,
        grants:
          value === null && rest.length === 0
            ? []
            : facts.grants.map(each => ({ ...each, facts: put(each.facts, rest, value) })),
      }
    case 'purposeCovers':
      return { ...facts, uses: facts.uses.map(use => ({ ...use, purposeCovers: value === true })) }
    default:
      return { ...facts, context: put(facts.context, [first, ...rest], value) }
  }
}

function put(object: JsonObject, [key, ...rest]: readonly string[], value: Json): JsonObject {
  assert(key !== undefined, 'a case names a fact')
  const inner = object[key]
  const changed = rest.length === 0 ? value : put((inner ?? {}) as JsonObject, rest, value)
  return bare({ ...object, [key]: changed })
}
