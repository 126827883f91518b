import { describe, expect, it } from 'vitest'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { isProblem, type Problem } from '../../src/core/base/problem.ts'
import { ourName } from '../rest/names.ts'
import { quote } from './accounts.ts'
import { parseConfig, parseTable } from './config.ts'
import { nativeHash } from './issue.ts'
import { mysqlConnector } from './mysql.ts'

const good: JsonObject = {
  host: 'db.example.com',
  user: 'leasehold',
  password: 'not a real one',
}

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
  it('is completed: port, TLS off this machine, the own account as probe', () => {
    expect(parseConfig(good)).toEqual({
      ...good,
      port: 3306,
      tls: true,
      probe: { user: 'leasehold', password: 'not a real one' },
    })
    for (const host of ['localhost', '127.0.0.1', '::1'])
      expect(parseConfig({ ...good, host }).tls).toBe(false)
    for (const host of ['127.example.com', 'localhost.example.com'])
      expect(parseConfig({ ...good, host }).tls).toBe(true)
  })

  it('parses to itself once parsed, as it is sealed and opened again', () => {
    const tls = { ca: '-----BEGIN CERTIFICATE-----\n…' }
    const once = parseConfig({ ...good, tls, probe: { user: 'p', password: 'q' } })
    expect(once.tls).toEqual(tls)
    expect(parseConfig(once)).toEqual(once)
  })

  it.each<[string, Json]>([
    ['connect', null],
    ['connect', 'mysql://x'],
    ['connect', [good]],
    ['connect', { ...good, database: 'x' }],
    ['host', { ...good, host: '/run/mysqld/mysqld.sock' }],
    ['host', { ...good, host: '' }],
    ['host', { ...good, host: 'db.example.com:3307' }],
    ['host', { ...good, host: 'user@db' }],
    ['host', { ...good, host: 7 }],
    ['host', { ...good, host: '192.0.2.1' }],
    ['host', { ...good, host: '127.0.0.1', tls: true }],
    ['port', { ...good, port: '3306' }],
    ['port', { ...good, port: 65_536 }],
    ['user', { ...good, user: 'a\0b' }],
    ['user', { ...good, user: 'x'.repeat(65) }],
    ['password', { ...good, password: '' }],
    ['tls', { ...good, tls: 'yes' }],
    ['tls', { ...good, tls: { ca: 'nothing' } }],
    ['tls', { ...good, tls: { rejectUnauthorized: false } }],
    ['probe', { ...good, probe: 'x' }],
    ['probe.password', { ...good, probe: { user: 'x' } }],
  ])('is refused at `%s` when it is %j', (field, input) => {
    expect(refusal(() => parseConfig(input))?.field).toBe(field)
  })

  it('never shows its password: not in an address, not in a refusal', () => {
    expect(mysqlConnector.addressOf(parseConfig(good))).toBe('mysql://db.example.com:3306')
    const thrown = refusal(() => parseConfig({ ...good, port: -1 }))
    expect(JSON.stringify(thrown) + String(thrown)).not.toContain('not a real one')
  })
})

describe('what a resource may name', () => {
  it('is a table in a database, by any name the server can hold', () => {
    for (const table of ['deals', "it's; drop", 'a`b', 'd\\', 'ä'.repeat(64), 'x'.repeat(64)])
      expect(parseTable({ database: 'crm', table })).toEqual({ database: 'crm', table })
  })

  it.each<[string, Json]>([
    ['object', null],
    ['object', { database: 'crm', schema: 'crm', table: 'deals' }],
    ['database', { table: 'deals' }],
    ['database', { database: 'mysql', table: 'user' }],
    ['database', { database: 'MySQL', table: 'user' }],
    ['database', { database: 'information_schema', table: 'tables' }],
    ['database', { database: 'sys', table: 'x' }],
    ['table', { database: 'crm', table: '' }],
    ['table', { database: 'crm', table: 'deals ' }],
    ['table', { database: 'crm', table: 'a\u202eb' }],
    ['table', { database: 'crm', table: 'a\u200bb' }],
    ['table', { database: 'crm', table: 'a\nb' }],
    ['table', { database: 'crm', table: '\ud800' }],
    ['table', { database: 'crm', table: 'x'.repeat(65) }],
  ])('is refused at `%s` when it is %j', (field, input) => {
    expect(refusal(() => parseTable(input))?.field).toBe(field)
  })
})

describe('names in SQL', () => {
  it('of others stand between back-ticks, which they can not leave', () => {
    expect(quote('a`; drop user root; -- ')).toBe('`a``; drop user root; -- `')
    expect(quote('a\\`')).toBe('`a\\```')
  })

  it('of ours are of a kind that says nothing else', () => {
    expect(ourName(`lh_${'a'.repeat(60)}`)).toHaveLength(63)
    // Cyrillic, full width, a combining mark, one byte too many.
    for (const name of ['lh_а', 'lh_ａ', 'lh_a\u0301', `lh_${'a'.repeat(61)}`, 'LH_a', 'lhx_a'])
      expect(refusal(() => ourName(name))?.code).toBe('invalid-field')
  })

  it('and what the server keeps of a password is what it would have computed', () => {
    expect(nativeHash('password')).toBe('*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19')
  })
})
