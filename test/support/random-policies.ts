/**
 * Policies, facts and questions made at random from a seed: everything of Cedar's language over one
 * small schema, right and wrong by turns, so that many policies err. The same seed makes the same.
 *
 * Not for: policies that pass validation, or that mean anything.
 */

import type { Json, JsonObject } from '../../src/core/base/json.ts'
import type { EngineCall, Entity, Uid } from '../../src/core/policy/engine/cedar.ts'

export const randomSchema = `
  entity Org enum ["acme", "other"];
  entity Team in [Team, Org];
  entity Folder in [Folder] tags Long;
  entity Person in [Team] = {
    name: String, age: Long, roles: Set<String>, living: Bool, since: datetime, score: decimal,
    spent: duration, home: ipaddr, boss?: Person, org: Org,
    "odd name"?: Long, inner: { a: Long, b?: { c: String, d?: Set<Long> } }
  } tags Set<String>;
  entity Doc in [Folder] = {
    owner: Person, title: String, size: Long, open: Bool, labels: Set<String>, readers: Set<Person>
  } tags String;
  type Facts = {
    now: datetime, count: Long, name: String, flag: Bool, words: Set<String>, numbers: Set<Long>,
    from?: ipaddr, limit?: decimal, wait?: duration, who?: Person, deep: { x?: { y?: Long } }
  };
  action "all";
  action "look", "change" in ["all"];
  action "read", "list" in ["look"]
    appliesTo { principal: [Person, Team], resource: [Doc, Folder], context: Facts };
  action "write" in ["change"] appliesTo { principal: [Person], resource: [Doc], context: Facts };`

export interface Random {
  /** A whole number from 0, below the bound. */
  below(bound: number): number
  pick<T>(from: readonly T[]): T
  chance(percent: number): boolean
}

/** mulberry32: small, quick, the same everywhere. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (bound: number) => next() % bound
  return {
    below,
    chance: percent => below(100) < percent,
    pick(from) {
      const [first] = from
      if (first === undefined) throw new Error('nothing to pick from')
      return from[below(from.length)] ?? first
    },
  }
}

export const kinds = [
  'truth',
  'long',
  'text',
  'person',
  'texts',
  'longs',
  'people',
  'record',
  'decimal',
  'ip',
  'datetime',
  'duration',
] as const
export type Kind = (typeof kinds)[number]

const ids = ['a', 'b', 'c', 'd "q" \\ é', 'ａ', '']
const texts = ['', 'a', 'ab', 'a*b', 'read all', 'é😀', 'x'.repeat(20)]
const longs = [
  '0',
  '1',
  '2',
  '(-1)',
  '7',
  '4503599627370496',
  '9007199254740991',
  '9007199254740993',
  '9223372036854775806',
  '9223372036854775807',
  '(-9223372036854775808)',
]
const decimals = ['0.0', '1.5', '-1.50', '922337203685477.5807', '0.00001', '1', 'a']
const ips = [
  '10.0.0.1',
  '10.0.0.0/8',
  '127.0.0.1',
  '::1',
  'ff00::/8',
  '1::2/64',
  '224.0.0.1/3',
  '1',
]
const datetimes = [
  '2026-01-01',
  '2026-02-29',
  '2024-02-29T23:59:59Z',
  '1969-12-31T23:59:59.999Z',
  '0000-01-01T00:00:00+2359',
  '9999-12-31T23:59:59-1200',
  '2026-01-01T00:00:00.5Z',
]
const durations = ['1h', '-1d2h3m4s5ms', '9223372036854775807ms', '1ms', '-0s', '1h1d', '']

/** One policy as text; its scope names what the questions name. */
export function randomPolicy(random: Random): string {
  const effect = random.pick(['permit', 'permit', 'forbid'])
  const action = random.pick([
    'action',
    'action',
    'action == Action::"read"',
    'action in Action::"look"',
    'action in [Action::"all", Action::"write"]',
    'action in [Action::"write", Action::"list"]',
  ])
  const scope = [
    scopeOf(random, 'principal', ['Person', 'Team', 'Org']),
    action,
    scopeOf(random, 'resource', ['Doc', 'Folder']),
  ].join(', ')
  const conditions = Array.from({ length: random.pick([0, 1, 1, 1, 1, 2, 3]) }, () => {
    const depth = random.pick([1, 2, 2, 3, 4])
    const condition = random.chance(15) ? erring(random) : expression(random, 'truth', depth)
    return `${random.pick(['when', 'when', 'unless'])} { ${condition} }`
  })
  return `${effect} (${scope}) ${conditions.join(' ')};`
}

/** One that forbids everything, and can often not be evaluated. */
export function randomErringForbid(random: Random): string {
  return `forbid (principal, action, resource) when { ${erring(random)} };`
}

function scopeOf(random: Random, slot: string, types: readonly string[]): string {
  const type = random.pick(types)
  const name = `${type}::${quote(random.pick(type === 'Org' ? ['acme', 'other'] : ids))}`
  return random.pick([
    slot,
    slot,
    slot,
    `${slot} == ${name}`,
    `${slot} in ${name}`,
    `${slot} is ${type}`,
    `${slot} is ${random.pick(types)} in ${name}`,
  ])
}

/** Mostly an error wherever it is evaluated, and then by its kind. */
function erring(random: Random): string {
  return random.pick([
    'context.count + 9223372036854775807 > 0',
    '-9223372036854775808 - context.count < 0',
    'context.count * 4611686018427387904 == 0',
    'principal.boss.living',
    'context.nothing',
    'resource.title',
    'context.name',
    'context.flag < true',
    'principal in context.name',
    'principal in [resource, context.flag]',
    'context.count.contains(1)',
    'ip(context.name).isLoopback()',
    'datetime(context.name) < context.now',
    'context.from.isIpv4() || context.limit.lessThan(decimal("1.0"))',
    'principal.getTag("none").isEmpty()',
    'Person::"nobody".age == 1',
    'context.flag && 1',
    'if context.count then true else false',
  ])
}

export function expression(random: Random, kind: Kind, depth: number): string {
  // Now and then something else stands where this is needed.
  if (random.chance(4)) return expression(random, random.pick(kinds), Math.max(0, depth - 1))
  if (depth > 0 && random.chance(8))
    return `(if ${expression(random, 'truth', depth - 1)} then ${expression(random, kind, depth - 1)} else ${expression(random, kind, depth - 1)})`
  const makers = depth === 0 ? leaves[kind] : [...leaves[kind], ...branches[kind]]
  return random.pick(makers)(random, (of: Kind) => expression(random, of, depth - 1))
}

type Maker = (random: Random, of: (kind: Kind) => string) => string

const text: Maker = random => quote(random.pick(texts))
const tag: Maker = random => quote(random.pick(['k', 'l', 'none']))

const leaves: Record<Kind, readonly Maker[]> = {
  truth: [r => r.pick(['true', 'false', 'context.flag', 'principal.living', 'resource.open'])],
  long: [
    r => r.pick(longs),
    r => r.pick(['context.count', 'principal.age', 'resource.size', 'principal["odd name"]']),
    r => r.pick(['principal.inner.a', 'context.deep.x.y']),
  ],
  text: [text, r => r.pick(['context.name', 'principal.name', 'resource.title'])],
  person: [
    r => `Person::${quote(r.pick(ids))}`,
    r => r.pick(['principal', 'resource', 'action', 'resource.owner', 'principal.boss']),
    r => r.pick(['context.who', 'principal.org', 'Org::"acme"', 'Team::"a"', 'Action::"look"']),
  ],
  texts: [
    r => r.pick(['context.words', 'principal.roles', 'resource.labels', '["a", "ab"]', '[]']),
  ],
  longs: [r => r.pick(['context.numbers', '[1, 2, 2]', 'principal.inner.b.d'])],
  people: [r => r.pick(['resource.readers', '[principal, resource.owner]', '[Team::"a"]'])],
  record: [r => r.pick(['principal.inner', 'context', '{a: 1, "b": true}', 'context.deep', '{}'])],
  decimal: [r => r.pick(['principal.score', 'context.limit']), r => call(r, 'decimal', decimals)],
  ip: [r => r.pick(['principal.home', 'context.from']), r => call(r, 'ip', ips)],
  datetime: [r => r.pick(['context.now', 'principal.since']), r => call(r, 'datetime', datetimes)],
  duration: [r => r.pick(['context.wait', 'principal.spent']), r => call(r, 'duration', durations)],
}

const branches: Record<Kind, readonly Maker[]> = {
  truth: [
    (_, of) => `!(${of('truth')})`,
    (r, of) => `(${of('truth')} ${r.pick(['&&', '||'])} ${of('truth')})`,
    (r, of) => `(${of('truth')} ${r.pick(['&&', '||'])} ${of('truth')})`,
    (r, of) => `(${of('long')} ${r.pick(['<', '<=', '>', '>=', '==', '!='])} ${of('long')})`,
    (r, of) => {
      const kind = r.pick(kinds)
      return `(${of(kind)} ${r.pick(['==', '!='])} ${of(kind)})`
    },
    (r, of) => {
      const kind = r.pick(['datetime', 'duration', 'duration', 'decimal'] as const)
      return `(${of(kind)} ${r.pick(['<', '<=', '>', '>='])} ${of(kind)})`
    },
    (_, of) => `(${of('person')} in ${of('person')})`,
    (_, of) => `(${of('person')} in ${of('people')})`,
    (r, of) => `(${of('person')} is ${r.pick(['Person', 'Team', 'Doc', 'Org', 'Action'])})`,
    (_, of) => `(${of('person')} is Person in ${of('people')})`,
    (r, of) => `(${of('text')} like ${pattern(r)})`,
    (r, of) => `(${of('record')} has ${r.pick(['a', 'b.c', 'x.y', 'from', 'who.boss', '"b"'])})`,
    (r, of) => `(${of('person')} has ${r.pick(['boss', 'name', 'boss.boss.age', 'inner.b'])})`,
    (r, of) => `${of('person')}.hasTag(${r.chance(70) ? tag(r, of) : of('text')})`,
    (_, of) => `${of('texts')}.contains(${of('text')})`,
    (_, of) => `${of('longs')}.contains(${of('long')})`,
    (_, of) => `${of('people')}.contains(${of('person')})`,
    (r, of) => {
      const kind = r.pick(['texts', 'longs', 'people'] as const)
      return `${of(kind)}.${r.pick(['containsAll', 'containsAny'])}(${of(kind)})`
    },
    (r, of) => `${of(r.pick(['texts', 'longs', 'people']))}.isEmpty()`,
    (r, of) => `${of('ip')}.${r.pick(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'])}()`,
    (_, of) => `${of('ip')}.isInRange(${of('ip')})`,
    (r, of) =>
      `${of('decimal')}.${r.pick(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'])}(${of('decimal')})`,
  ],
  long: [
    (r, of) => `(${of('long')} ${r.pick(['+', '-', '*'])} ${of('long')})`,
    (_, of) => `(-(${of('long')}))`,
    (r, of) =>
      `${of('duration')}.${r.pick(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'])}()`,
    (r, of) => `${of('person')}.getTag(${tag(r, of)})`,
  ],
  text: [(r, of) => `${of('person')}.getTag(${tag(r, of)})`, (_, of) => `${of('record')}.b.c`],
  person: [(_, of) => `${of('person')}.boss`],
  texts: [
    (r, of) => `${of('person')}.getTag(${tag(r, of)})`,
    (_, of) => `[${of('text')}, ${of('text')}]`,
  ],
  longs: [(_, of) => `[${of('long')}, ${of('long')}, 1]`],
  people: [(_, of) => `[${of('person')}, ${of('person')}]`],
  record: [
    (_, of) => `{a: ${of('long')}, b: {c: ${of('text')}}}`,
    (r, of) => `{x: ${of(r.pick(kinds))}, "odd name": [${of(r.pick(kinds))}]}`,
  ],
  decimal: [],
  ip: [(_, of) => `ip(${of('text')})`],
  datetime: [
    (_, of) => `${of('datetime')}.offset(${of('duration')})`,
    (_, of) => `${of('datetime')}.toDate()`,
  ],
  duration: [
    (_, of) => `${of('datetime')}.durationSince(${of('datetime')})`,
    (_, of) => `${of('datetime')}.toTime()`,
  ],
}

function call(random: Random, name: string, given: readonly string[]): string {
  return `${name}(${quote(random.pick(given))})`
}

function pattern(random: Random): string {
  const parts = Array.from({ length: 1 + random.below(5) }, () =>
    random.pick(['*', '*', 'a', 'b', '\\*', 'é😀', 'read', ' ']),
  )
  return `"${parts.join('')}"`
}

function quote(plain: string): string {
  return JSON.stringify(plain)
}

/** Names around each other, most of them with facts. */
export function randomCall(random: Random): EngineCall {
  const action = random.pick(['read', 'list', 'write'])
  const principal = uid(action === 'write' || random.chance(80) ? 'Person' : 'Team', random)
  const resource = uid(action === 'write' || random.chance(80) ? 'Doc' : 'Folder', random)
  const entities = new Map<string, Entity>()
  for (const named of [principal, resource, ...Array.from({ length: 4 }, () => uid(null, random))])
    if (random.chance(85)) entities.set(JSON.stringify(named), randomEntity(random, named))
  return {
    principal,
    action: { type: 'Action', id: action },
    resource,
    context: randomContext(random),
    entities: [...entities.values()],
  }
}

function randomContext(random: Random): JsonObject {
  return bareOf({
    now: random.pick(datetimes.filter(isInstant)),
    count: random.pick([0, 1, -1, 2, 7, Number.MAX_SAFE_INTEGER]),
    name: random.pick(texts),
    flag: random.chance(50),
    words: someOf(random, texts),
    numbers: someOf(random, [1, 2, 2, 3]),
    from: random.chance(50) ? extension(random, 'ip', ips.slice(0, 7)) : null,
    limit: random.chance(50) ? extension(random, 'decimal', decimals.slice(0, 4)) : null,
    wait: random.chance(50) ? random.pick(durations.slice(0, 5)) : null,
    who: random.chance(50) ? entityJson(random) : null,
    deep: random.pick<JsonObject>([{}, { x: {} }, { x: { y: 3 } }]),
  })
}

function randomEntity(random: Random, of: Uid): Entity {
  const parents = random.chance(50) ? parentsOf(random, of) : []
  if (of.type === 'Team' || of.type === 'Org') return { uid: of, attrs: {}, parents }
  if (of.type === 'Folder') return { uid: of, attrs: {}, parents, ...tags(random, [1, 2]) }
  if (of.type === 'Doc')
    return {
      uid: of,
      attrs: {
        owner: entityJson(random),
        title: random.pick(texts),
        size: random.pick([0, 1, 2, 1000]),
        open: random.chance(50),
        labels: someOf(random, texts),
        readers: Array.from({ length: random.below(12) }, () => entityJson(random)),
      },
      parents,
      ...tags(random, texts),
    }
  return {
    uid: of,
    attrs: randomPerson(random),
    parents,
    ...tags(random, [['a'], ['ab', 'a'], []]),
  }
}

function randomPerson(random: Random): JsonObject {
  return bareOf({
    name: random.pick(texts),
    age: random.pick([0, 1, 2, 40]),
    roles: someOf(random, texts),
    living: random.chance(50),
    since: extension(random, 'datetime', datetimes.filter(isInstant)),
    score: random.pick(decimals.slice(0, 4)),
    spent: extension(random, 'duration', durations.slice(0, 5)),
    home: random.pick(ips.slice(0, 7)),
    boss: random.chance(60) ? entityJson(random) : null,
    org: { type: 'Org', id: random.pick(['acme', 'other']) },
    'odd name': random.chance(50) ? 7 : null,
    inner: random.pick<JsonObject>([
      { a: 1 },
      { a: 1, b: { c: 'a' } },
      { a: 2, b: { c: 'ab', d: [1, 2] } },
    ]),
  })
}

/** Folders and teams only upward in the list of ids, so nothing is in itself. */
function parentsOf(random: Random, { type, id }: Uid): Uid[] {
  const above = { Person: 'Team', Doc: 'Folder', Team: 'Team', Folder: 'Folder' }[type]
  const from = type === above ? ids.slice(ids.indexOf(id) + 1) : ids
  const parents = from
    .filter(() => random.chance(40))
    .map(each => ({ type: above ?? '', id: each }))
  return type === 'Team' && random.chance(30) ? [...parents, { type: 'Org', id: 'acme' }] : parents
}

function tags(random: Random, from: readonly Json[]): object {
  if (random.chance(50)) return {}
  return {
    tags: Object.fromEntries(someOf(random, ['k', 'l']).map(name => [name, random.pick(from)])),
  }
}

function uid(type: string | null, random: Random): Uid {
  return { type: type ?? random.pick(['Person', 'Doc', 'Team', 'Folder']), id: random.pick(ids) }
}

function entityJson(random: Random): JsonObject {
  const named = { type: 'Person', id: random.pick(ids) }
  return random.chance(50) ? named : { __entity: named }
}

function extension(random: Random, fn: string, from: readonly string[]): Json {
  const arg = random.pick(from)
  return random.pick<Json>([arg, { __extn: { fn, arg } }, { fn, arg }])
}

function someOf<T>(random: Random, from: readonly T[]): T[] {
  return from.filter(() => random.chance(35))
}

function isInstant(given: string): boolean {
  return !['2026-02-29', '2026-01-01T00:00:00.5Z'].includes(given)
}

function bareOf(members: Record<string, Json>): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null))
}
