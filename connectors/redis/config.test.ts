import { describe, expect, it } from 'vitest'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import type { DataAction } from '../../src/core/base/permit.ts'
import { isProblem, type Problem } from '../../src/core/base/problem.ts'
import { ourName } from '../rest/names.ts'
import { parseConfig, parseKeys } from './config.ts'
import { redisConnector } from './redis.ts'
import { markRule, parseUser, rulesOf, secretRule } from './rules.ts'

const good: JsonObject = { host: 'cache.example.com', user: 'leasehold', password: 'no real one' }

function refusal(parse: () => unknown): Problem | undefined {
  try {
    parse()
  } catch (thrown) {
    if (isProblem(thrown, 'invalid-field')) return thrown
    throw thrown
  }
  return undefined
}

describe('what a person writes to connect a server', () => {
  it('is completed, and parses to itself once parsed', () => {
    const once = parseConfig(good)
    expect(once).toEqual({
      ...good,
      port: 6379,
      tls: true,
      probe: { user: 'leasehold', password: 'no real one' },
    })
    expect(parseConfig(once)).toEqual(once)
    for (const host of ['localhost', '127.0.0.1', '::1'])
      expect(parseConfig({ ...good, host }).tls).toBe(false)
    expect(parseConfig({ ...good, host: '127.example.com' }).tls).toBe(true)
  })

  it.each<[string, Json]>([
    ['connect', null],
    ['connect', 'redis://x'],
    ['connect', { ...good, database: 0 }],
    ['host', { ...good, host: '/run/redis.sock' }],
    ['host', { ...good, host: 'cache:6379' }],
    ['host', { ...good, host: 'user@cache' }],
    ['port', { ...good, port: '6379' }],
    ['port', { ...good, port: 0 }],
    ['user', { ...good, user: 'a b' }],
    ['user', { ...good, user: 'ä' }],
    ['password', { ...good, password: '' }],
    ['tls', { ...good, tls: { rejectUnauthorized: false } }],
    ['tls', { ...good, tls: { ca: 'nothing' } }],
    ['probe.user', { ...good, probe: { password: 'x' } }],
  ])('is refused at `%s` when it is %j', (field, input) => {
    expect(refusal(() => parseConfig(input))?.field).toBe(field)
  })

  it('never shows its password: not in an address, not in a refusal', () => {
    expect(redisConnector.addressOf(parseConfig(good))).toBe('redis://cache.example.com:6379')
    const thrown = refusal(() => parseConfig({ ...good, port: -1 }))
    expect(JSON.stringify(thrown) + String(thrown)).not.toContain('no real one')
  })
})

describe('what a resource may name', () => {
  it('is keys, exact or by their beginning, and channels', () => {
    const object = { keys: ['crm:*', 'crm:{a}/b@c-d_e.f'], channels: ['news'] }
    expect(parseKeys(object)).toEqual(object)
    expect(parseKeys({ keys: ['bb:1', 'abc:*', 'bb:1'] })).toEqual({
      keys: ['abc:*', 'bb:1'],
      channels: [],
    })
  })

  it.each<[string, Json]>([
    ['object', null],
    ['object', { keys: ['crm:*'], commands: ['+@all'] }],
    ['keys', { keys: [] }],
    ['keys', { keys: 'crm:*' }],
    ['keys', { keys: Array.from({ length: 21 }, (_, i) => `crm:${i}`) }],
    ['channels', { keys: ['crm:*'], channels: ['*'] }],
  ])('is refused at `%s` when it is %j', (field, input) => {
    expect(refusal(() => parseKeys(input))?.field).toBe(field)
  })

  // Everything, patterns Redis would read, our own locks, rules, look-alikes, what nobody can see.
  it.each(
    '* a* ab* c?m:* [a]bc \\abc:* crm:*:x crm** ~crm:* lh:* lh:lock:x'
      .split(' ')
      .concat([
        'l*',
        'lh*',
        'crm: x',
        'crm:\n',
        'сrm:*',
        'crm\u200b:*',
        'ｃｒｍ:*',
        'x'.repeat(129),
        '',
      ]),
  )('and never %j', key => {
    expect(refusal(() => parseKeys({ keys: [key] }))?.field).toBe('keys')
  })
})

describe('rules', () => {
  const object = { keys: ['abc:*', 'abd:1'], channels: ['news:*'] }
  const rules = (actions: DataAction[], columns: string[] = []) =>
    rulesOf({ object, actions, columns })

  it('begin from nothing, whatever was there', () => {
    const begin = ['resetkeys', 'resetchannels', 'clearselectors', '-@all']
    for (const actions of [[], ['read'], ['read', 'write', 'destroy']] as DataAction[][])
      expect(rules(actions).slice(0, 4)).toEqual(begin)
  })

  it('say for each key what may be done to it', () => {
    expect(rules(['read']).filter(rule => /^[%&]/.test(rule))).toEqual([
      '%R~abc:*',
      '%R~abd:1',
      '&news:*',
    ])
    expect(rules(['write'])).toContain('%W~abc:*')
    expect(rules(['read', 'destroy'])).toContain('%RW~abc:*')
    expect(rules([]).join(' ')).not.toMatch(/[~&]/)
  })

  it('take away dangerous commands after giving a class, and removal unless it was agreed', () => {
    const write = rules(['write'])
    for (const gone of ['-@dangerous', '-@admin', '-@scripting', '-move', '-del'])
      expect(write.indexOf(gone)).toBeGreaterThan(write.indexOf('+@write'))
    expect(rules(['destroy'])).toContain('+del')
    expect(rules(['destroy'])).not.toContain('+@write')
  })

  it('of a grant with columns are for those keys, and for no channel', () => {
    const narrow = rules(['read'], ['abd:1'])
    expect(narrow.filter(rule => /^[%&]/.test(rule))).toEqual(['%R~abd:1'])
    expect(narrow).not.toContain('+subscribe')
    for (const column of ['abc:', 'abc:*x', '*', 'name'])
      expect(refusal(() => rules(['read'], [column]))?.field).toBe('columns')
  })

  it('are refused for what Redis has none for', () => {
    for (const action of ['share-outside', 'spend', 'change-privilege'] as const)
      expect(refusal(() => rules(['read', action]))?.field).toBe('actions')
  })
})

describe('names and what is kept of a secret', () => {
  it('of ours are of a kind that says nothing else', () => {
    expect(ourName(`lh_${'a'.repeat(60)}`)).toHaveLength(63)
    for (const name of ['lh_а', 'lh_ａ', 'lh_a\u0301', `lh_${'a'.repeat(61)}`, 'lh_a ~*', 'LH_a'])
      expect(refusal(() => ourName(name))?.code).toBe('invalid-field')
  })

  it('is the hash that Redis makes; a mark is the hash of nothing', () => {
    const sha256OfA = '#ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'
    expect(secretRule('a')).toBe(sha256OfA)
    expect(markRule('a')).toMatch(/^#[0-9a-f]{64}$/)
    expect(markRule('a')).not.toBe(markRule('b'))
  })

  it('and a line of the server’s list is read as it stands', () => {
    const line = 'user lh_x on sanitize-payload #aa #bb %R~crm:* resetchannels -@all +@read -keys'
    expect(parseUser(line)).toEqual({
      name: 'lh_x',
      isOn: true,
      hasNoPassword: false,
      hashes: ['#aa', '#bb'],
      rules: ['%R~crm:*', '-@all', '+@read', '-keys'],
    })
    expect(parseUser('user on off nopass')).toMatchObject({ name: 'on', isOn: false })
    expect(parseUser('')).toMatchObject({ name: '', hashes: [] })
  })
})
