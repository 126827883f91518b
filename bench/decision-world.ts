/**
 * What the benches of the policy engine ask: the program's own schema, its rules for work with data and
 * some of a company's, and questions of apps at work. The same seed makes the same world.
 */
import type { Json, JsonObject } from '../src/core/base/json.ts'
import { readShipped } from '../src/core/policy/bundle.ts'
import {
  type EngineCall,
  type Entity,
  type Policy,
  parsePolicy,
  splitPolicies,
} from '../src/core/policy/engine/cedar.ts'
import { type Random, seeded } from '../test/support/random-policies.ts'

const files = ['always', 'data', 'work'].map(name => `guardrails/${name}.cedar`)
const resources = 500
const apps = 200
const roles = ['run', 'agent', 'build', 'test', 'publish']
const classes = ['public', 'internal', 'internal', 'customer', 'hr', 'secret']
const actions = ['read', 'read', 'read', 'write', 'write', 'destroy', 'share-outside', 'spend']

export interface DecisionWorld {
  readonly schema: string
  readonly policies: ReadonlyMap<string, Policy>
}

/** Our own rules first, then a company's: so many in all. */
export function makeRules(count: number): DecisionWorld {
  const { schema, files: shipped } = readShipped()
  const own = shipped.filter(({ name }) => files.includes(name)).flatMap(({ text }) => split(text))
  const policies = new Map<string, Policy>()
  for (const text of own) {
    const policy = parsePolicy(text)
    policies.set(policy.annotations.get('id') ?? '', policy)
  }
  for (let n = 0; policies.size < count; n++)
    policies.set(`company-${n}`, parsePolicy(companyRule(n)))
  return { schema, policies }
}

function split(text: string): string[] {
  const parts = splitPolicies(text)
  if ('fault' in parts) throw new Error(parts.fault.says)
  return parts.policies
}

/**
 * Of ten: four about one resource, two about one identity, two about one app (which no scope names, so
 * they are looked at for every question), two about what people do.
 */
function companyRule(n: number): string {
  const resource = `resource == Resource::"rs_${n % resources}"`
  const app = `principal.app == App::"ap_${n % apps}"`
  switch (n % 10) {
    case 0:
    case 1:
      return `permit (principal is Identity, action == Action::"read", ${resource})
        when { context.app.stage == "managed" && context.task.kind == "job" };`
    case 2:
    case 3:
      return `forbid (principal, action in Action::"data", ${resource})
        when { context.task.autonomy == "unattended" && resource.production };`
    case 4:
    case 5:
      return `forbid (principal == Identity::"id_${n}", action in Action::"data", resource)
        when { context.now > datetime("2026-12-01T00:00:00Z") };`
    case 6:
      return `forbid (principal is Identity, action in Action::"data", resource)
        when { ${app} && resource.dataClass == "secret" };`
    case 7:
      return `permit (principal is Identity, action == Action::"read", resource is Resource)
        when { ${app} && context.task.purpose like "board*" };`
    default:
      return `forbid (principal is Person, action in Action::"govern", resource)
        when { principal.roles.contains("guest-${n}") };`
  }
}

/** What a decision point holds in memory of identities. */
export function makeIdentities(count: number): ReadonlyMap<string, Entity> {
  const identities = new Map<string, Entity>()
  for (let n = 0; n < count; n++) {
    const attrs = { app: uid('App', `ap_${n % apps}`), role: pickAt(roles, n), state: 'active' }
    identities.set(`id_${n}`, { uid: uid('Identity', `id_${n}`), attrs, parents: [] })
  }
  return identities
}

/** Questions with four entities; no two are the same. */
export function makeCalls(
  count: number,
  identities: ReadonlyMap<string, Entity>,
  seed: number,
): EngineCall[] {
  const random = seeded(seed)
  const seen = new Set<string>()
  const calls: EngineCall[] = []
  const ids = [...identities.keys()]
  while (calls.length < count) {
    const principal = identities.get(random.pick(ids))
    if (principal === undefined) continue
    const call = makeCall(random, principal)
    const text = JSON.stringify(call)
    if (seen.has(text)) continue
    seen.add(text)
    calls.push(call)
  }
  return calls
}

function makeCall(random: Random, principal: Entity): EngineCall {
  const action = random.pick(actions)
  const resource = makeResource(random)
  const app = principal.attrs['app'] as { type: string; id: string } & JsonObject
  const owner = uid('Person', `pe_${random.below(50)}`)
  const minute = String(random.below(60)).padStart(2, '0')
  const context: JsonObject = {
    now: `2026-11-22T14:${minute}:${String(random.below(60)).padStart(2, '0')}.000Z`,
    mode: 'team',
    ageMs: random.below(1000),
    holds: random.chance(3) ? 1 : 0,
    app: {
      id: app,
      slug: `app-${app.id}`,
      owner,
      ownerLiving: true,
      stage: random.pick(['prototype', 'managed']),
      state: random.chance(95) ? 'active' : 'paused',
      endsAt: '2026-12-20T16:00:00.000Z',
    },
    task: {
      id: uid('Task', `tk_${random.below(10_000)}`),
      purpose: random.pick(['board', 'board-weekly', 'cleanup']),
      kind: random.pick(['job', 'service']),
      autonomy: random.pick(['attended', 'unattended']),
      humanInLoop: random.chance(50),
      onBehalfOf: owner,
      touched: random.pick<Json>([[], ['internal'], ['customer', 'internal']]),
      state: 'open',
      endsAt: '2026-11-22T15:00:00.000Z',
    },
    grant: {
      app,
      resource: resource.uid as unknown as JsonObject,
      roles: ['run', 'agent', 'test'],
      actions: random.pick<Json>([['read'], ['read', 'write'], [action]]),
      columns: random.below(12),
      unattended: random.chance(50),
      state: 'live',
      endsAt: '2026-11-27T16:00:00.000Z',
    },
    dataAction: action,
    purposeCovers: random.chance(90),
  }
  return {
    principal: principal.uid,
    action: uid('Action', action),
    resource: resource.uid,
    context,
    entities: [
      principal,
      resource,
      { uid: app, attrs: {}, parents: [] },
      { uid: owner, attrs: { roles: ['platform'], living: true, held: false }, parents: [] },
    ],
  }
}

function makeResource(random: Random): Entity {
  const n = random.below(resources)
  return {
    uid: uid('Resource', `rs_${n}`),
    attrs: {
      slug: `crm.table-${n}`,
      dataClass: pickAt(classes, n),
      sandbox: n % 7 === 0,
      production: n % 5 === 0,
      state: n % 50 === 0 ? 'retired' : 'active',
      target: uid('Target', `tg_${n % 9}`),
      dataOwner: uid('Person', `pe_${n % 50}`),
    },
    parents: [],
  }
}

function uid(type: string, id: string): { type: string; id: string } & JsonObject {
  return { type, id }
}

function pickAt<T>(from: readonly T[], n: number): T {
  const [first] = from
  if (first === undefined) throw new Error('nothing to pick from')
  return from[n % from.length] ?? first
}
