import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { oracleOf } from '../../../../test/support/cedar-oracle.ts'
import {
  expression,
  kinds,
  randomCall,
  randomErringForbid,
  randomPolicy,
  randomSchema,
  seeded,
} from '../../../../test/support/random-policies.ts'
import { checkCases, readCases } from '../../../life/why/cases.ts'
import { openBundle, readShipped } from '../bundle.ts'
import { Engine, type EngineCall, parsePolicy, splitPolicies } from './cedar.ts'
import { compileEngine } from './compiled.ts'
import { compareEngines, type Difference } from './shadow.ts'

const nobody = {
  isIn: () => false,
  ask: () => ({ allowed: false, rules: [], errors: ['left to cedar-wasm'] }),
}

/** The compiled engine, which may not leave a question to another, and cedar-wasm beside it. */
function bothOf(texts: readonly string[], schema = randomSchema) {
  const byId = Object.fromEntries(texts.map((text, place) => [`p${place}`, text]))
  const policies = new Map(Object.entries(byId).map(([id, text]) => [id, parsePolicy(text)]))
  const ours = compileEngine(schema, policies, nobody)
  expect(ours.fallsBack).toBeNull()
  return { ours, peer: oracleOf(schema, byId) }
}

/** Texts of the policies on which the two differ: empty is what we want. */
function differing(texts: readonly string[], calls: readonly EngineCall[]): string[] {
  const { ours, peer } = bothOf(texts)
  return calls.flatMap(call => {
    const { differs, answers } = compareEngines(ours, peer, call)
    return differs.length === 0 ? [] : [JSON.stringify({ differs, answers, call, texts })]
  })
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 })
const anything = 'principal, action, resource'
const when = (condition: string) => `permit (${anything}) when { ${condition} };`

describe('it answers as cedar-wasm does', () => {
  it('on whole sets of policies, many of which err', { timeout: 120_000 }, () => {
    let erred = 0
    fc.assert(
      fc.property(seeds, seed => {
        const random = seeded(seed)
        const texts = many(25, () => randomPolicy(random))
        const calls = many(4, () => randomCall(random))
        erred += bothOf(texts).ours.ask(calls[0] as EngineCall).errors.length
        expect(differing([...texts, randomErringForbid(random)], calls)).toEqual([])
      }),
      { numRuns: 40 },
    )
    expect(erred).toBeGreaterThan(20)
  })

  it.each(kinds)('on what makes a %s', { timeout: 120_000 }, kind => {
    fc.assert(
      fc.property(seeds, seed => {
        const random = seeded(seed)
        const made = () => expression(random, kind, 3)
        const texts = many(20, () => when(`${made()} == ${made()}`))
        const calls = many(4, () => randomCall(random))
        expect(differing(texts, calls)).toEqual([])
      }),
      { numRuns: 5 },
    )
  })

  const operators: [string, (a: string, b: string) => string][] = [
    ...['==', '!=', '<', '<=', '>', '>=', 'in', '&&', '||'].map(sign => binary(sign)),
    ...['contains', 'containsAll', 'containsAny', 'hasTag', 'isInRange'].map(name => method(name)),
    ...['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'].map(n => method(n)),
    ...['+', '-', '*'].map(sign => equal(binary(sign))),
    ...['getTag', 'offset', 'durationSince'].map(name => equal(method(name))),
    ...['isEmpty', 'isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'].map(name => asked(name)),
    ...['toDate', 'toTime', 'toMilliseconds', 'toSeconds', 'toMinutes'].map(n => equal(asked(n))),
    ...['toHours', 'toDays'].map(name => equal(asked(name))),
    ['!', a => `!(${a})`],
    ['neg', (a, b) => `-(${a}) == ${b}`],
    ['if', (a, b) => `if ${a} then ${b} else ${a}`],
    ['is', a => `(${a}) is Person`],
    ['is in', (a, b) => `(${a}) is Person in (${b})`],
    ['like', a => `(${a}) like "*a*b*"`],
    ['has', a => `(${a}) has boss`],
    ['has a path', a => `(${a}) has boss.boss`],
    ['.', (a, b) => `(${a}).name == (${b})`],
    ['a set', (a, b) => `[${a}, ${b}] == [${b}, ${a}]`],
    ['a record', (a, b) => `{a: ${a}, b: ${b}} == {b: ${b}, a: ${a}}`],
  ]

  it.each(operators)('on %s between anything and anything', { timeout: 120_000 }, (_, text) => {
    fc.assert(
      fc.property(seeds, seed => {
        const random = seeded(seed)
        const leaf = () => expression(random, random.pick(kinds), random.below(2))
        const texts = many(40, () => when(text(leaf(), leaf())))
        expect(
          differing(
            texts,
            many(3, () => randomCall(random)),
          ),
        ).toEqual([])
      }),
      { numRuns: 4 },
    )
  })

  it('on any text that could be an instant, a number or an address', { timeout: 120_000 }, () => {
    const pieces = ['2024', '02', '29', '30', '-', ':', 'T', '00', '23', '59', '60', 'Z', '+', '.']
    const more = ['1', '0', '12', '255', '256', '/', '::', 'ff', 'd', 'h', 'm', 's', 'ms', '٣', ' ']
    const text = fc.array(fc.constantFrom(...pieces, ...more), { maxLength: 14 })
    fc.assert(
      fc.property(fc.array(text, { minLength: 40, maxLength: 40 }), texts => {
        const written = texts.flatMap(parts =>
          ['datetime', 'duration', 'decimal', 'ip'].map(fn => {
            const call = `${fn}(${JSON.stringify(parts.join(''))})`
            return when(`${call} == ${call}`)
          }),
        )
        expect(differing(written, [randomCall(seeded(1))])).toEqual([])
      }),
      { numRuns: 10 },
    )
  })

  it('on well-formed instants, numbers and addresses', { timeout: 60_000 }, () => {
    const digits = (n: number) => fc.integer({ min: 0, max: 10 ** n - 1 }).map(pad(n))
    const time = fc.tuple(digits(4), digits(2), digits(2), digits(2), digits(2), digits(2))
    const zone = fc.constantFrom('Z', '.123Z', '+0100', '-2359', '.000-1200', '+2400', '+01:00')
    const group = fc.integer({ min: 0, max: 0xffff }).map(n => n.toString(16))
    const ipv6 = fc.array(group, { minLength: 6, maxLength: 9 }).map(groups => groups.join(':'))
    fc.assert(
      fc.property(fc.array(fc.tuple(time, zone, ipv6), { minLength: 40, maxLength: 40 }), all => {
        const texts = all.flatMap(([[y, m, d, h, min, s], offset, ip]) => [
          when(`datetime("${y}-${m}-${d}") < context.now`),
          when(`datetime("${y}-1${m[1]}-${d}T0${h[1]}:${min}:${s}${offset}") < context.now`),
          when(
            `datetime("${y}-0${m[1]}-2${d[1]}T${h}:2${min[1]}:3${s[1]}${offset}") < context.now`,
          ),
          when(`ip("${ip}").isInRange(ip("::/${d}"))`),
          when(`ip("${ip.replace(':', '::')}/${m}${d[1]}").isIpv6()`),
          when(`ip("${Number(y) % 300}.${d}.1.${m}/${d}").isInRange(ip("0.0.0.0/0"))`),
          when(`decimal("-${y}.${m}").lessThan(decimal("${d}${y}${y}${y}${y}.${h}"))`),
          when(`duration("-${y}${y}${y}${y}d${m}h") < duration("${d}s00${s}ms")`),
        ])
        expect(differing(texts, [randomCall(seeded(2))])).toEqual([])
      }),
      { numRuns: 6 },
    )
  })
})

describe('what Cedar means, spelled out', () => {
  it.each<[string, 'yes' | 'no' | 'error']>([
    ['9007199254740993 == 9007199254740992', 'no'],
    ['9007199254740993 - 1 == 9007199254740992', 'yes'],
    ['9223372036854775807 + 0 > 9223372036854775806', 'yes'],
    ['9223372036854775807 + 1 > 0', 'error'],
    ['(-9223372036854775808) < (-9223372036854775807)', 'yes'],
    ['-(-9223372036854775808) > 0', 'error'],
    ['3037000500 * 3037000500 > 0', 'error'],
    ['0 * (-1) == 0', 'yes'],
    ['false && context.nothing', 'no'],
    ['true || context.nothing', 'yes'],
    ['context.nothing || true', 'error'],
    ['true || 1', 'yes'],
    ['false || 1', 'error'],
    ['1 == "1"', 'no'],
    ['1 < "1"', 'error'],
    ['[1, 2, 2] == [2, 1]', 'yes'],
    ['[[1], [1, 1]] == [[1]]', 'yes'],
    ['{a: 1, b: [2]} == {b: [2, 2], a: 1}', 'yes'],
    ['{a: 1} == {a: 1, b: 2}', 'no'],
    ['[1, 2, 3, 4, 5, 6, 7, 8, 9, {a: [1]}].contains({a: [1, 1]})', 'yes'],
    ['["1", 2, 3, 4, 5, 6, 7, 8, 9, 10].contains(1)', 'no'],
    ['principal in [principal, 1]', 'error'],
    ['principal in []', 'no'],
    ['Person::"nobody" has age', 'no'],
    ['Person::"nobody".age == 1', 'error'],
    ['Person::"nobody".hasTag("")', 'no'],
    ['Person::"nobody".hasTag(1)', 'error'],
    ['Person::"nobody".getTag("") == 1', 'error'],
    ['{a: {b: 1}} has a.b', 'yes'],
    ['{a: 1} has a.b', 'error'],
    ['{} has a.b', 'no'],
    ['"a*b" like "a\\*b"', 'yes'],
    ['"axb" like "a\\*b"', 'no'],
    ['"" like "*"', 'yes'],
    ['"aba" like "ab*ba"', 'no'],
    ['"😀" like "*😀"', 'yes'],
    ['action in Action::"all"', 'yes'],
    ['action is Action', 'yes'],
    ['action has name', 'no'],
    ['ip("10.1.2.3").isInRange(ip("10.0.0.0/8"))', 'yes'],
    ['ip("10.0.0.0/8").isInRange(ip("10.0.0.0/9"))', 'no'],
    ['ip("1::") == ip("1:0::0")', 'yes'],
    ['ip("127.0.0.1/7").isLoopback()', 'no'],
    ['ip("01.2.3.4").isIpv4()', 'error'],
    ['datetime("2024-02-30") == context.now', 'error'],
    ['datetime("1970-01-01").offset(duration("-1ms")).toTime() == duration("86399999ms")', 'yes'],
    ['datetime("1969-12-31T23:59:59.999Z").toDate() == datetime("1969-12-31")', 'yes'],
    ['duration("-1500ms").toSeconds() == -1', 'yes'],
    ['decimal("1.10") == decimal("1.1")', 'yes'],
    ['decimal("1.0") < decimal("2.0")', 'error'],
    ['if 1 then true else true', 'error'],
    ['ip("1.1.1.1", "2").isIpv4()', 'error'],
  ])('%s: %s', (condition, wanted) => {
    const { ours, peer } = bothOf([when(condition)])
    const call: EngineCall = { ...randomCall(seeded(3)), action: { type: 'Action', id: 'read' } }
    const { differs, answers } = compareEngines(ours, peer, { ...call, entities: [] })
    const [{ allowed, errors }] = answers
    expect(errors.length > 0 ? 'error' : allowed ? 'yes' : 'no').toBe(wanted)
    expect(differs).toEqual([])
  })

  it('one that forbids outweighs, one that errs is passed over and named', () => {
    const texts = [when('true'), 'forbid (principal, action, resource) when { context.nothing };']
    const call = { ...randomCall(seeded(3)), entities: [] }
    expect(bothOf(texts).ours.ask(call)).toEqual({
      allowed: true,
      rules: ['p0'],
      errors: ['p1: there is no attribute `nothing`'],
    })
    const stopped = [...texts, 'forbid (principal, action, resource);']
    expect(bothOf(stopped).ours.ask(call)).toMatchObject({ allowed: false, rules: ['p2'] })
  })
})

describe('a question that does not fit is a denial with errors', () => {
  const base = () => JSON.parse(JSON.stringify({ ...randomCall(seeded(3)) })) as EngineCall
  const person = { name: 'a', age: 1, roles: [], living: true, since: '2026-01-01', score: '1.0' }
  const more = { spent: '1s', home: '::1', org: { type: 'Org', id: 'acme' }, inner: { a: 1 } }
  const known = (attrs: object, parents: object[] = []) => ({
    entities: [
      { uid: { type: 'Person', id: 'x' }, attrs: { ...person, ...more, ...attrs }, parents },
    ],
  })
  const inContext = (change: object) => ({ context: { ...base().context, ...change } })
  const inherited = Object.create({ flag: true }) as object
  const { flag: _, ...flagless } = base().context

  const texts = [when('true')]
  const oddities: [string, object][] = [
    ['an action the schema does not have', { action: { type: 'Action', id: 'drop' } }],
    ['a group of actions', { action: { type: 'Action', id: 'look' } }],
    ['a type the schema does not have', { principal: { type: 'Robot', id: 'a' } }],
    ['a type the action is not for', { principal: { type: 'Doc', id: 'a' } }],
    ['an action whose type is a list', { action: { type: ['Action'], id: 'read' } }],
    ['an action whose id is a list', { action: { type: 'Action', id: ['read'] } }],
    ['somebody whose type is a list', { principal: { type: ['Person'], id: 'a' } }],
    ['a number that is a text', inContext({ count: '1' })],
    ['a fraction', inContext({ count: 0.5 })],
    ['a number beyond 2^53', inContext({ count: 2 ** 53 })],
    ['half a character', inContext({ name: '\ud800' })],
    ['a fact the schema does not have', inContext({ other: 1 })],
    ['a fact that is missing', { context: flagless }],
    [
      'a fact that only a prototype has',
      { context: Object.assign(inherited, flagless, { other: 1 }) },
    ],
    ['a fact that is nothing', inContext({ flag: null })],
    ['an id no list has', known({ org: { type: 'Org', id: 'evil' } })],
    ['a reference of another type', known({ boss: { type: 'Team', id: 'a' } })],
    ['an instant that is none', known({ since: '2026-02-30' })],
    ['a parent of a type that can not be one', known({}, [{ type: 'Folder', id: 'a' }])],
    ['a tag of another type', { entities: [{ ...known({}).entities[0], tags: { k: 'a' } }] }],
    [
      'one entity told twice, differently',
      { entities: [known({}), known({ age: 2 })].flatMap(e => e.entities) },
    ],
    ['teams in a circle', { entities: circle() }],
  ]
  it.each(oddities)('%s', (_name, change) => {
    const call = { ...base(), ...change } as EngineCall
    const policies = new Map([['p0', parsePolicy(texts[0] ?? '')]])
    const { differs, answers } = compareEngines(
      compileEngine(randomSchema, policies, nobody),
      new Engine(randomSchema, policies),
      call,
    )
    expect(answers[0]).toEqual(nobody.ask())
    expect(differs).toEqual([])
  })

  const fine: [string, object][] = [
    ['a reference written out', inContext({ who: { __entity: { type: 'Person', id: 'b' } } })],
    ['somebody with more than a type and an id', { principal: { ...base().principal, x: 1 } }],
    ['an instant as a call', inContext({ now: { __extn: { fn: 'datetime', arg: '2026-01-01' } } })],
    ['an instant as Cedar writes it', inContext({ now: offset('2026-01-01', '5ms') })],
    ['facts without a prototype', { context: Object.assign(Object.create(null), base().context) }],
    [
      'one entity told twice, the same',
      { entities: [known({}), known({})].flatMap(e => e.entities) },
    ],
    [
      'an action told again',
      {
        entities: [
          {
            uid: { type: 'Action', id: 'look' },
            attrs: {},
            parents: [{ type: 'Action', id: 'all' }],
          },
        ],
      },
    ],
  ]
  it.each(fine)('%s is none such', (_name, change) => {
    const call = { ...base(), ...change } as EngineCall
    const policies = new Map([['p0', parsePolicy(texts[0] ?? '')]])
    expect(compileEngine(randomSchema, policies).ask(call)).toMatchObject({ allowed: true })
  })

  it('whole numbers of 64 bits come as bigint, exactly', () => {
    const { ours, peer } = bothOf([when('context.count == 9223372036854775807')])
    const of = (count: bigint) => ({ ...base(), context: { ...base().context, count } }) as never
    expect(compareEngines(ours, peer, of(2n ** 63n - 1n))).toMatchObject({
      differs: [],
      answers: [{ allowed: true }, { allowed: true }],
    })
    expect(ours.ask(of(2n ** 63n - 2n)).allowed).toBe(false)
    expect(ours.ask(of(2n ** 63n)).errors).not.toEqual([])
  })
})

describe('it is bounded', () => {
  const call = { ...randomCall(seeded(3)), entities: [] }
  const withWords = (words: string[]): EngineCall => ({
    ...call,
    context: { ...call.context, words },
  })

  it('facts that weigh too much are refused, not judged', () => {
    const { ours } = bothOf([when('true')])
    expect(ours.ask(withWords(many(1000, () => 'a'))).allowed).toBe(true)
    for (const words of [many(100_001, () => 'a'), ['a'.repeat(1_700_000)]])
      expect(ours.ask(withWords(words))).toEqual({
        allowed: false,
        rules: [],
        errors: ['these facts are more than is decided on at once'],
      })
  })

  it('what would take too long is refused, though each part is allowed', () => {
    const costly = 'context.words.containsAll(context.words) &&'
    const { ours } = bothOf([when(`${costly.repeat(50)} true`)])
    expect(ours.ask(withWords(many(1000, n => `w${n}`))).allowed).toBe(true)
    expect(ours.ask(withWords(many(90_000, n => `w${n}`))).errors).toEqual([
      'these facts are more than is decided on at once',
    ])
  })

  it('a policy nested too deep makes the whole set cedar-wasm’s, and says so', () => {
    const deep = `1${' + 1'.repeat(210)}`
    const policies = new Map([
      ['plain', parsePolicy(when('true'))],
      ['deep', parsePolicy(`forbid (${anything}) when { ${deep} == 211 };`)],
    ])
    const engine = compileEngine(randomSchema, policies)
    expect(engine.fallsBack).toBe('`deep`: a policy is nested too deep')
    expect(engine.ask(call)).toEqual({ allowed: false, rules: ['deep'], errors: [] })
    expect(engine.isIn('read', 'all')).toBe(true)
    policies.delete('deep')
    expect(compileEngine(randomSchema, policies).fallsBack).toBeNull()
  })

  it('a schema it does not know exactly too', () => {
    const policies = new Map([['plain', parsePolicy(when('true'))]])
    expect(compileEngine('entity', policies).fallsBack).toContain('the schema')
  })
})

describe('our own rules', () => {
  it('are decided alike by both in every case of theirs', () => {
    const bundle = openBundle(readShipped())
    const policies = new Map(
      bundle.text.files
        .flatMap(file => {
          const parts = splitPolicies(file.text)
          return 'fault' in parts ? [] : parts.policies
        })
        .map(parsePolicy)
        .map(policy => [policy.annotations.get('id') ?? '', policy]),
    )
    expect(policies.size).toBe(bundle.rules.size)
    const ours = compileEngine(bundle.text.schema, policies, nobody)
    const differs: Difference[] = []
    let asked = 0
    const both = {
      isIn: (action: string, group: string) => bundle.engine.isIn(action, group),
      ask(call: EngineCall) {
        asked++
        const shadow = compareEngines(ours, bundle.engine, call)
        differs.push(...shadow.differs)
        return shadow.answers[0]
      },
    }
    const cases = readCases(bundle)
    expect(checkCases({ ...bundle, engine: both as unknown as Engine }, cases).failed).toEqual([])
    expect(differs).toEqual([])
    expect(asked).toBeGreaterThan(cases.length)
  })
})

function many<T>(count: number, make: (place: number) => T): T[] {
  return Array.from({ length: count }, (_, place) => make(place))
}

function binary(sign: string): [string, (a: string, b: string) => string] {
  return [sign, (a, b) => `(${a}) ${sign} (${b})`]
}

function method(name: string): [string, (a: string, b: string) => string] {
  return [name, (a, b) => `(${a}).${name}(${b})`]
}

function asked(name: string): [string, (a: string) => string] {
  return [name, a => `(${a}).${name}()`]
}

function equal([name, text]: [string, (a: string, b: string) => string]): [
  string,
  (a: string, b: string) => string,
] {
  return [name, (a, b) => `(${text(a, b)}) == (${b})`]
}

function pad(digits: number): (n: number) => string {
  return n => String(n).padStart(digits, '0')
}

function offset(from: string, by: string): object {
  const call = (fn: string, arg: string) => ({ __extn: { fn, arg } })
  return { __extn: { fn: 'offset', args: [call('datetime', from), call('duration', by)] } }
}

function circle(): object[] {
  const team = (id: string, above: string) => ({
    uid: { type: 'Team', id },
    attrs: {},
    parents: [{ type: 'Team', id: above }],
  })
  return [team('a', 'b'), team('b', 'a')]
}
