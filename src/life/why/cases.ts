/**
 * Cases of rules, as data beside them: what each rule allows or refuses, and the nearest thing it does
 * not. `policy check` runs them. A case is a sample question (`sample.json`) with a few facts changed;
 * the sample is made up, the decision is the real one.
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
import type { DecisionId, GrantId } from '../../core/base/ids.ts'
import type { Json } from '../../core/base/json.ts'
import { dataActions } from '../../core/base/permit.ts'
import type { Instant } from '../../core/base/time.ts'
import { identityRoles } from '../../core/identity/spiffe.ts'
import { type Bundle, guardrails } from '../../core/policy/bundle.ts'
import type { Facts } from '../../core/policy/facts.ts'
import { judge, type Outcome } from '../../core/policy/judge.ts'
import { type AboutType, thingTypes } from '../../core/policy/question.ts'
import { bare, uid } from '../../core/policy/view.ts'
import { write } from './levers.ts'
import sample from './sample.json' with { type: 'json' }

export type Case = ReturnType<typeof parseCases>[number]

/** Every case against the bundle; a rule of the product without a yes and a no beside it fails too. */
export function checkCases(bundle: Bundle, cases: readonly Case[]) {
  const failed = cases.flatMap(({ rule, name, expect, ...asked }) => {
    const { allowed, rules, errors } = runCase(bundle, asked)
    if (allowed === expect.allowed && rules.includes(expect.rule)) return []
    const says = (isYes: boolean, what: string) => `${isYes ? 'permit' : 'deny'} ${what}`
    const got = says(allowed, [...rules, ...errors].join(', '))
    return [{ rule, name, expected: says(expect.allowed, expect.rule), got }]
  })
  for (const { id, file } of bundle.rules.values()) {
    const own = cases.filter(each => each.rule === id).map(each => each.expect.allowed)
    if (file.startsWith('guardrails/') && !(own.includes(true) && own.includes(false)))
      failed.push({ rule: id, name: 'its cases', expected: 'a yes and a no', got: 'not both' })
  }
  return { rules: bundle.rules.size, cases: cases.length, failed }
}

/** The cases of the product's own rules, from beside them. */
export function readCases(bundle: Bundle): Case[] {
  const names = readdirSync(guardrails).filter(name => name.endsWith('.cases.yaml'))
  return names.flatMap(name => parseCases(bundle, readFileSync(new URL(name, guardrails), 'utf8')))
}

/** A case as it is written. */
interface CaseText {
  readonly who: string
  readonly do: string
  /** Facts that differ from the sample, by dotted name: `app.stage: managed`; null takes one away. */
  readonly with?: Readonly<Record<string, Json>>
  readonly permit?: string
  readonly deny?: string
}

export function parseCases(bundle: Bundle, text: string) {
  const rules = parse(text, { merge: true }) as Record<string, Record<string, CaseText>>
  return Object.entries(rules).flatMap(([rule, cases]) =>
    Object.entries(cases).map(([name, { permit, deny, with: facts = {}, ...asked }]) => {
      const named = permit ?? deny
      const own = { allowed: bundle.rules.get(rule)?.effect === 'permit', rule }
      const expect = named === undefined ? own : { allowed: permit !== undefined, rule: named }
      return { rule, name, ...asked, with: facts, expect }
    }),
  )
}

export function runCase(bundle: Bundle, asked: Pick<Case, 'who' | 'do' | 'with'>): Outcome {
  let facts = sampleOf(asked.who, asked.do)
  for (const [path, value] of Object.entries(asked.with)) facts = change(facts, path, value)
  const { type, id } = facts.principal.uid
  return judge(bundle, {
    v: 1,
    id: 'dc_sample' as DecisionId,
    at: sample.now as Instant,
    actor: { kind: type.toLowerCase(), id } as never,
    action: useOf(asked.do) === asked.do ? 'lease.issue' : asked.do,
    about: { type: 'sample', id: facts.resource.uid.id },
    bundle: bundle.hash,
    freshness: { position: 1, ageMs: 5, regressed: false },
    facts,
  })
}

/** Everything in order, so that a case says only what is not. */
export function sampleOf(who: string, action: string): Facts {
  const { common, workingApp, restOfApp, task } = sample
  const principal = sampleActor(who)
  const use = useOf(action)
  if (use !== undefined)
    return {
      principal,
      resource: { uid: sample.grant.resource, attrs: sample.resource, parents: [] },
      context: { ...common, app: workingApp, task, via: 'proxy' },
      uses: [{ action: use, purposeCovers: true }],
      grants: [{ id: 'gr_sample' as GrantId, facts: { ...sample.grant, actions: [use] } }],
    }
  const app = sample.appless.includes(action) ? undefined : { ...workingApp, ...restOfApp }
  const opening = { app: workingApp, purposeKnown: true, draft: { purpose: 'board' } }
  const opens = action === 'task.open' || action === 'token.exchange'
  const context = bare({ ...common, ...(opens ? opening : { app, draft: {} }) })
  const [noun = ''] = action.split('.')
  const things: Readonly<Record<string, string>> = sample.things
  const thing = uid(things[noun] ?? thingTypes[noun as AboutType], `${noun}-sample`)
  return {
    principal,
    resource: { uid: thing, attrs: {}, parents: [] },
    context,
    uses: [],
    grants: [],
  }
}

/** What is done to data, for what is about data. */
function useOf(action: string) {
  const isLease = /^lease\.(issue|renew|use)$/.test(action)
  return isLease ? 'read' : dataActions.find(each => each === action)
}

function sampleActor(who: string): Facts['principal'] {
  if (who.startsWith('sy_')) return { uid: uid('System', who), attrs: {}, parents: [] }
  if (identityRoles.some(role => role === who))
    return {
      uid: uid('Identity', `id_${who}`),
      attrs: { ...sample.identity, role: who },
      parents: [],
    }
  const roles = ['platform', 'security', 'auditor'].filter(role => role === who)
  return { uid: uid('Person', `pe_${who}`), attrs: { ...sample.person, roles }, parents: [] }
}

/** `principal.x`, `resource.x`, `grant.x`; `thing` is what it is about; other names are of the context. */
function change(facts: Facts, path: string, value: Json): Facts {
  const [first = '', ...rest] = path.split('.')
  const set = <T>(from: T, at: readonly string[]) => bareDeep(write(from, at, value) as Json) as T
  if (first === 'grant' && rest.length === 0) return { ...facts, grants: [] }
  if (first === 'grant')
    return {
      ...facts,
      grants: facts.grants.map(each => ({ ...each, facts: set(each.facts, rest) })),
    }
  if (first === 'purposeCovers' || first === 'approved')
    return { ...facts, uses: facts.uses.map(use => ({ ...use, [first]: value === true })) }
  const keys = first === 'thing' ? ['resource', 'uid'] : [first, 'attrs', ...rest]
  const isEntity = ['principal', 'resource', 'thing'].includes(first)
  return set(facts, isEntity ? keys : ['context', first, ...rest])
}

/** What is null goes. */
function bareDeep(value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return bare(Object.fromEntries(Object.entries(value).map(([k, each]) => [k, bareDeep(each)])))
}
