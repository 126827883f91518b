import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sampleOf } from '../../../life/why/cases.ts'
import type { Json, JsonObject } from '../../base/json.ts'
import { type BundleText, openBundle, readShipped } from '../bundle.ts'
import { Engine, type EngineCall, findFaults, parsePolicy, splitPolicies } from './cedar.ts'

const schema = `
  entity Person = { roles: Set<String> };
  entity App;
  action "change";
  action "app.end", "app.extend" in ["change"] appliesTo {
    principal: Person, resource: App,
    context: { count: Long, drift?: String, name?: String }
  };`

function engineOf(policies: Record<string, string>, under = schema): Engine {
  return new Engine(
    under,
    new Map(Object.entries(policies).map(([id, text]) => [id, parsePolicy(text)])),
  )
}

function call(context: JsonObject, action = 'app.extend'): EngineCall {
  return {
    principal: { type: 'Person', id: 'pe_1' },
    action: { type: 'Action', id: action },
    resource: { type: 'App', id: 'ap_1' },
    context,
    entities: [{ uid: { type: 'Person', id: 'pe_1' }, attrs: { roles: ['a'] }, parents: [] }],
  }
}

const anything = 'permit (principal, action, resource);'

describe('the engine is Cedar', () => {
  it('permits by name and denies without a permit', () => {
    const engine = engineOf({
      'may-extend': 'permit (principal, action == Action::"app.extend", resource);',
    })
    expect(engine.ask(call({ count: 1 }))).toEqual({
      allowed: true,
      rules: ['may-extend'],
      errors: [],
    })
    expect(engine.ask(call({ count: 1 }, 'app.end'))).toEqual({
      allowed: false,
      rules: [],
      errors: [],
    })
  })

  it('asks policies whose action is a group the action is in', () => {
    const engine = engineOf({ group: 'permit (principal, action in Action::"change", resource);' })
    expect(engine.ask(call({ count: 1 })).rules).toEqual(['group'])
    expect(engine.isIn('app.end', 'change')).toBe(true)
    expect(engine.isIn('app.end', 'other')).toBe(false)
    expect(engine.isIn('constructor', 'change')).toBe(false)
  })

  it('permits past a forbid that errors, as Cedar does, and says so', () => {
    const engine = engineOf({
      anything,
      stop: 'forbid (principal, action, resource) when { context.count + 1 > 0 };',
    })
    const answer = engine.ask(call({ count: Number.MAX_SAFE_INTEGER }))
    expect(answer.allowed).toBe(false)
    const overflow = engineOf({
      anything,
      stop: 'forbid (principal, action, resource) when { context.count + 9223372036854775807 > 0 };',
    }).ask(call({ count: 1 }))
    expect(overflow.allowed).toBe(true)
    expect(overflow.errors).toHaveLength(1)
    expect(overflow.errors[0]).toContain('stop: ')
  })
})

describe('what can not be given exactly is refused, not rounded', () => {
  const engine = engineOf({ anything })
  it.each([
    ['an integer beyond 2^53', { count: 2 ** 53 }],
    ['a fraction', { count: 0.5 }],
    ['no number at all', { count: Number.NaN }],
    ['a number as text', { count: '1' }],
    ['half a character', { count: 1, name: '\ud800' }],
    ['a fact the schema does not have', { count: 1, other: true }],
    ['a missing fact', {}],
  ])('%s', (_, context) => {
    const answer = engine.ask(call(context))
    expect(answer.allowed).toBe(false)
    expect(answer.rules).toEqual([])
    expect(answer.errors.length).toBeGreaterThan(0)
  })

  it('an action, a type or a principal the schema does not have', () => {
    expect(engine.ask(call({ count: 1 }, 'app.destroy')).errors).not.toEqual([])
    const foreign = { ...call({ count: 1 }), principal: { type: 'Robot', id: 'r' } }
    expect(engine.ask(foreign)).toMatchObject({ allowed: false, rules: [] })
  })

  it('takes nothing from a prototype, own key or inherited', () => {
    const engine = engineOf({
      drifted: 'permit (principal, action, resource) when { context has drift };',
    })
    const inherited = Object.create({ drift: 'red' }) as Record<string, Json>
    inherited['count'] = 1
    expect(engine.ask(call(inherited)).allowed).toBe(false)
    const own = JSON.parse('{"count":1,"__proto__":{"drift":"red"}}') as JsonObject
    expect(engine.ask(call(own)).allowed).toBe(false)
  })

  it('two people whose ids look alike are two people', () => {
    const engine = engineOf({ one: 'permit (principal == Person::"pe_1", action, resource);' })
    for (const id of ['pe_１', 'PE_1', 'pe_1 ', 'pe_1\u0000', 'pe_\u0131'])
      expect(engine.ask({ ...call({ count: 1 }), principal: { type: 'Person', id } }).allowed).toBe(
        false,
      )
    expect(engine.ask(call({ count: 1 })).allowed).toBe(true)
  })
})

describe('many sets of policies at once', () => {
  it('each answers by its own, however many there are', () => {
    const engines = Array.from({ length: 20 }, (_, i) =>
      engineOf({
        [`rule-${i}`]: `permit (principal, action, resource) when { context.count == ${i} };`,
      }),
    )
    for (const round of [1, 2])
      for (const [i, engine] of engines.entries()) {
        expect(engine.ask(call({ count: i })).rules, `round ${round}`).toEqual([`rule-${i}`])
        expect(engine.ask(call({ count: i + 1 })).allowed).toBe(false)
      }
  })
})

describe('what a policy reads of the context', () => {
  it.each([
    ['context.count > 1', ['count']],
    ['context has drift && context.drift == "red"', ['drift']],
    ['context["name"] like "context.count*"', ['name']],
    ['principal.roles.contains("drift")', []],
    ['context has drift.inner', ['drift']],
    ['!([1, context.count].isEmpty()) || {a: context.name}.a == ""', ['count', 'name']],
  ])('%s', (condition, facts) => {
    const text = `permit (principal, action, resource) when { ${condition} };`
    expect([...parsePolicy(text).reads].toSorted()).toEqual(facts)
  })
})

describe('what is wrong with policies', () => {
  it('names the policy and the fact the schema does not have', () => {
    const faults = findFaults(
      schema,
      new Map([['x', parsePolicy('permit (principal, action, resource) when { context.nope };')]]),
    )
    expect(faults[0]).toMatchObject({ rule: 'x' })
    expect(faults[0]?.says).toContain('nope')
  })

  it('cuts a text into policies as they were written', () => {
    const text = `// first\n${anything}\n\n@id("b")\n${anything}`
    expect(splitPolicies(text)).toEqual({ policies: [anything, `@id("b")\n${anything}`] })
    expect(splitPolicies('permit (principal')).toHaveProperty('fault')
    expect(splitPolicies('permit (principal == ?principal, action, resource);')).toHaveProperty(
      'fault',
    )
  })
})

describe('what cedar-wasm would not survive never reaches it', () => {
  const when = (condition: string) => `permit (principal, action, resource) when { ${condition} };`
  const nested = (times: number, before: string, after: string) =>
    when(`${before.repeat(times)}true${after.repeat(times)} == true`)
  it.each([
    ['brackets', nested(60, '(', ')')],
    ['brackets after some too many', nested(60, ')', '').replace('true', '('.repeat(60))],
    ['sets', nested(5_000, '[', ']')],
    ['negations', nested(60, '(!', ')')],
    ['sums', when(`1${' + 1'.repeat(1_000)} == 1`)],
    ['choices', when(`true${' || true'.repeat(5_000)}`)],
    ['ifs', nested(500, 'if true then true else ', '')],
    ['members', when(`context${'.a'.repeat(1_000)}`)],
    ['brackets after a comment', `// so\r${nested(60, '(', ')')}`],
    ['members by text', when(`context${'["a"]'.repeat(400)}`)],
  ])('%s nested too deep are a fault, and the next policy is read as ever', (_, text) => {
    expect(splitPolicies(text)).toMatchObject({ fault: { says: expect.stringContaining('deep') } })
    expect(() => parsePolicy(text)).toThrow('deep')
    expect(parsePolicy(when('true')).effect).toBe('permit')
  })

  it('what is as deep as may be is read, asked and compiled', () => {
    const condition = `${'('.repeat(45)}true${')'.repeat(45)}${' && (true)'.repeat(150)}`
    const sum = `${'(1 + '.repeat(45)}1${')'.repeat(45)}${' + 1'.repeat(150)} == 196`
    const engine = engineOf({
      deep: when(condition),
      sum: when(sum),
      long: when(`1${' + 1'.repeat(249)} == 250`),
    })
    expect(engine.ask(call({ count: 1 })).rules.toSorted()).toEqual(['deep', 'long', 'sum'])
    const chain = when(`context${'.count'.repeat(248)} == 1`)
    expect(engineOf({ chain }).ask(call({ count: 1 })).errors).toHaveLength(1)
  })

  it('a long file, a long list and brackets within texts are not deep', () => {
    const list = Array.from({ length: 500 }, (_, n) => `"${'('.repeat(n % 60)}"`).join(', ')
    const text = when(`[${list}].contains("a") || true // ${'('.repeat(60)}\n`)
    expect(splitPolicies(`${text}\n`.repeat(100))).toMatchObject({ policies: { length: 100 } })
  })
})

describe('asking only the policies of the action changes nothing', () => {
  const shipped: BundleText = readShipped()
  const bundle = openBundle(shipped)
  const text = shipped.files.map(file => file.text).join('\n')

  const person = fc.constantFrom('owner', 'backup', 'other', 'platform', 'security', 'approver')
  const identity = fc.constantFrom('build', 'test', 'publish', 'run', 'agent')
  const question = fc
    .tuple(
      fc.oneof(person, identity, fc.constantFrom('sy_app-sweep', 'sy_offboard', 'sy_approval')),
      fc.constantFrom(
        'app.extend',
        'app.end',
        'app.resume',
        'request.make',
        'request.answer',
        'grant.drop',
        'hold.lift',
        'lease.end',
        'token.exchange',
        'lease.issue',
        'read',
        'write',
        'destroy',
        'trust.add',
        'log.read',
        'person.roles',
      ),
      fc.record({
        holds: fc.constantFrom(0, 1),
        mode: fc.constantFrom('team', 'solo'),
        stage: fc.constantFrom('prototype', 'managed'),
        state: fc.constantFrom('active', 'paused', 'ending'),
      }),
    )
    .map(([who, action, { holds, mode, stage, state }]) => {
      const facts = sampleOf(who, action)
      const { grants, uses, resource, principal } = facts
      const app = facts.context['app'] as JsonObject | undefined
      const more = {
        holds,
        mode,
        ...(app === undefined ? {} : { app: { ...app, stage, state } }),
        ...(grants[0] === undefined ? {} : { grant: grants[0].facts }),
        ...(uses[0] !== undefined && action !== 'lease.issue'
          ? { dataAction: uses[0].action, purposeCovers: true }
          : {}),
      }
      return {
        principal: principal.uid,
        action: { type: 'Action', id: action },
        resource: resource.uid,
        context: { ...facts.context, ...more },
        entities: [principal, resource].filter(each => Object.keys(each.attrs).length > 0),
      }
    })

  it('the answer is that of all policies at once, parsed afresh', { timeout: 120_000 }, () => {
    let permitted = 0
    fc.assert(
      fc.property(question, asked => {
        const ours = bundle.engine.ask(asked)
        const fresh = cedar.isAuthorized({
          ...asked,
          context: asked.context as cedar.Context,
          entities: asked.entities as unknown as cedar.Entities,
          schema: shipped.schema,
          policies: { staticPolicies: byId(text) },
          validateRequest: true,
        })
        const { decision, diagnostics } =
          fresh.type === 'success'
            ? fresh.response
            : { decision: 'deny', diagnostics: { reason: [], errors: fresh.errors } }
        if (ours.allowed) permitted++
        expect(ours.allowed).toBe(decision === 'allow')
        expect(new Set(ours.rules)).toEqual(new Set(diagnostics.reason))
        expect(ours.errors).toHaveLength(diagnostics.errors.length)
      }),
      { numRuns: 100 },
    )
    expect(permitted).toBeGreaterThan(5)
  })
})

let ids: Record<string, string> | undefined

function byId(text: string): Record<string, string> {
  if (ids !== undefined) return ids
  const parts = splitPolicies(text)
  if ('fault' in parts) throw new Error(parts.fault.says)
  ids = Object.fromEntries(
    parts.policies.map(policy => [parsePolicy(policy).annotations.get('id') ?? '', policy]),
  )
  return ids
}
