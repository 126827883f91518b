/** What a person writes of a server with accounts, as every database takes it. */
import { describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { serverMembers, serverReader } from './server.ts'

const { parseObject, parseServer } = serverReader('docs/connectors.md', { port: 7 }, value =>
  typeof value === 'string' ? value : '',
)
const least = { host: 'db.example.com', user: 'leasehold', password: 'x' }
const parse = (more: object) =>
  parseServer(parseObject({ ...least, ...more }, 'connect', serverMembers))

test('what is not said is the safer: TLS off this machine, and our own account as the probe', () => {
  const account = { user: 'leasehold', password: 'x' }
  expect(parse({})).toEqual({ ...least, port: 7, tls: true, probe: account })
  expect(parse({ host: '127.0.0.1' }).tls).toBe(false)
  expect(parse({ host: '127.0.0.1.example.com' }).tls).toBe(true)
})

describe('is refused by its field', () => {
  test.each([
    ['host', { host: '/var/run/socket' }],
    ['host', { host: 'db.example.com/x' }],
    ['port', { port: 65_536 }],
    ['port', { port: '5432' }],
    ['password', { password: '' }],
    ['probe.password', { probe: { user: 'p' } }],
    ['probe', { probe: 'p' }],
    ['tls', { tls: 'no' }],
    ['tls', { tls: { ca: 'no certificate' } }],
    ['connect', { hots: 'db' }],
  ])('%s: %j', (field, more) => {
    try {
      parse(more)
      expect.unreachable()
    } catch (thrown) {
      expect(isProblem(thrown, 'invalid-field') && thrown.field).toBe(field)
    }
  })
})
