import { describe, expect, it } from 'vitest'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { isProblem, type Problem } from '../../src/core/base/problem.ts'
import { parseConfig, parseTable } from './config.ts'
import { postgresConnector } from './postgres.ts'

const good: JsonObject = {
  host: 'db.example.com',
  database: 'crm',
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
      port: 5432,
      tls: true,
      databases: [],
      probe: { user: 'leasehold', password: 'not a real one' },
    })
  })

  it('needs no TLS on this machine, and keeps what was said about it', () => {
    for (const host of ['localhost', '127.0.0.1', '::1'])
      expect(parseConfig({ ...good, host }).tls).toBe(false)
    expect(parseConfig({ ...good, host: '127.0.0.1', tls: true }).tls).toBe(true)
    expect(parseConfig({ ...good, tls: false }).tls).toBe(false)
    const ca = '-----BEGIN CERTIFICATE-----\n…'
    expect(parseConfig({ ...good, tls: { ca } }).tls).toEqual({ ca })
  })

  it('parses to itself once parsed, as it is sealed and opened again', () => {
    const once = parseConfig({
      ...good,
      databases: ['billing'],
      probe: { user: 'p', password: 'q' },
    })
    expect(parseConfig(once)).toEqual(once)
  })

  it.each<[string, Json]>([
    ['connect', null],
    ['connect', 'postgres://x'],
    ['connect', [good]],
    ['connect', { ...good, hots: 'x' }],
    ['host', { ...good, host: '/var/run/postgresql' }],
    ['host', { ...good, host: '' }],
    ['host', { ...good, host: 'db.example.com:5433' }],
    ['host', { ...good, host: 'a b' }],
    ['host', { ...good, host: 'user@db' }],
    ['host', { ...good, host: 7 }],
    ['port', { ...good, port: '5432' }],
    ['port', { ...good, port: 0 }],
    ['port', { ...good, port: 65_536 }],
    ['port', { ...good, port: 1.5 }],
    ['database', { ...good, database: '' }],
    ['database', { ...good, database: 'x'.repeat(64) }],
    ['database', { ...good, database: 'ä'.repeat(32) }],
    ['user', { ...good, user: 'a\0b' }],
    ['password', { ...good, password: '' }],
    ['password', { ...good, password: 12 }],
    ['tls', { ...good, tls: 'yes' }],
    ['tls', { ...good, tls: { ca: 'nothing' } }],
    ['tls', { ...good, tls: { cert: 'x' } }],
    ['databases', { ...good, databases: 'billing' }],
    ['databases', { ...good, databases: [1] }],
    ['databases', { ...good, databases: Array.from({ length: 51 }, () => 'x') }],
    ['probe', { ...good, probe: 'x' }],
    ['probe.user', { ...good, probe: { password: 'x' } }],
    ['probe.password', { ...good, probe: { user: 'x' } }],
  ])('is refused at `%s` when it is %j', (field, input) => {
    expect(refusal(() => parseConfig(input))?.field).toBe(field)
  })

  it('never shows its password: not in an address, not in a refusal', () => {
    expect(postgresConnector.addressOf(parseConfig(good))).toBe(
      'postgres://db.example.com:5432/crm',
    )
    const thrown = refusal(() => parseConfig({ ...good, port: -1 }))
    expect(thrown?.field).toBe('port')
    expect(JSON.stringify(thrown) + String(thrown)).not.toContain('not a real one')
  })
})

describe('what a resource may name', () => {
  const deals = { database: 'crm', schema: 'crm', table: 'deals' }

  it('is a table in a schema in a database, by any name PostgreSQL can hold', () => {
    expect(parseTable(deals)).toEqual(deals)
    const odd = { database: 'CRM 2', schema: 'o"dd', table: "it's; drop" }
    expect(parseTable(odd)).toEqual(odd)
  })

  it.each<[string, Json]>([
    ['object', null],
    ['object', { ...deals, column: 'x' }],
    ['database', { schema: 'crm', table: 'deals' }],
    ['schema', { ...deals, schema: 'pg_catalog' }],
    ['schema', { ...deals, schema: 'pg_toast' }],
    ['schema', { ...deals, schema: 'information_schema' }],
    ['schema', { ...deals, schema: '' }],
    ['table', { ...deals, table: 'a\u202eb' }],
    ['table', { ...deals, table: 'a\nb' }],
    ['table', { ...deals, table: '\ud800' }],
    ['table', { ...deals, table: 'x'.repeat(64) }],
  ])('is refused at `%s` when it is %j', (field, input) => {
    expect(refusal(() => parseTable(input))?.field).toBe(field)
  })
})
