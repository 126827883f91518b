/** Real databases: every account is found with the rights a person has, and none could be changed. */
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { mariadb } from '../../test/fakes/mariadb.ts'
import { startPostgres } from '../../test/fakes/postgres.ts'
import { redis } from '../../test/fakes/redis.ts'
import { handClock } from '../../test/support/clock.ts'
import { startSalesMariadb } from '../../test/support/sales-mariadb.ts'
import { startSalesRedis } from '../../test/support/sales-redis.ts'
import { type Env, openSource } from './arguments.ts'
import { Calls, type Going } from './outgoing.ts'
import { newFacts, type Sink, type Unseen } from './source.ts'
import type { Thing } from './thing.ts'

async function read(typed: string, env: Env) {
  const going: Going = {
    clock: handClock(),
    calls: new Calls(),
    sleep: async () => {},
    waiting: () => {},
    fetch,
  }
  const [things, unseen]: [Thing[], Unseen[]] = [[], []]
  const sink: Sink = {
    facts: newFacts(),
    thing: thing => things.push(thing),
    unseen: each => unseen.push(each),
    page: () => {},
  }
  const source = await openSource(typed, {
    env,
    going,
    tool: async () => '',
    awsKeys: async () => undefined,
  })
  await source.read(sink, AbortSignal.timeout(20_000))
  const named = (name: string) => things.find(each => each.name === name)
  return { things, unseen, named, calls: going.calls.list().map(({ shape }) => shape) }
}

test('PostgreSQL: each login role with its end, other roles apart, by somebody who is no superuser', async () => {
  const postgres = await startPostgres()
  const client = new pg.Client({ connectionString: postgres.url() })
  try {
    await client.connect()
    await client.query(`create role reporting login password 'r' valid until '2027-01-01Z'`)
    await client.query('create role forgotten login')
    await client.query('create role readers')
    const typed = `postgres://reporting@127.0.0.1:${postgres.port}/postgres`
    const { things, named, unseen, calls } = await read(typed, { PGPASSWORD: 'r' })
    expect(named('reporting')).toMatchObject({ kind: 'login role', neverEnds: false })
    expect(named('forgotten')).toMatchObject({ neverEnds: true, group: 'access' })
    expect(named('postgres')?.notes).toContain('may do everything')
    expect(named('readers')).toMatchObject({ kind: 'role', group: 'rights' })
    expect(things.filter(({ name }) => name.startsWith('pg_'))).toEqual([])
    expect(unseen).toHaveLength(1)
    expect(calls).toEqual(
      expect.arrayContaining(['set default_transaction_read_only = on', 'select … from pg_roles']),
    )
  } finally {
    await client.end()
    await postgres.stop()
  }
})

describe.runIf(mariadb.isHere)(mariadb.name, () => {
  test('each account, in a session that may only read', async () => {
    const sales = await startSalesMariadb()
    const { server, config } = sales
    try {
      const before = (await readFile(server.statementLog, 'utf8')).length
      const typed = `mysql://${config.user}@${config.host}:${config.port}`
      const { named } = await read(typed, { MYSQL_PWD: config.password })
      expect(named('leasehold_probe')).toMatchObject({ kind: 'account', neverEnds: true })
      const asked = (await readFile(server.statementLog, 'utf8')).slice(before)
      expect(asked).toContain('set session transaction read only')
      expect(asked).not.toMatch(/\b(create|drop|alter|grant|revoke|insert|update|delete)\b/i)
    } finally {
      await sales.stop()
    }
  })
})

describe.runIf(redis.isHere)(redis.name, () => {
  test('each user, by one command that lists them', async () => {
    const sales = await startSalesRedis()
    const { config } = sales
    try {
      const typed = `redis://${config.user}@${config.host}:${config.port}`
      const { named, calls } = await read(typed, { REDISCLI_AUTH: config.password })
      expect(named('leasehold_probe')).toMatchObject({ kind: 'user', neverEnds: true })
      expect(named('default')).toBeDefined()
      expect(calls).toEqual(['ACL LIST'])
    } finally {
      await sales.stop()
    }
  })
})

test('what does not answer is told without the password', async () => {
  const reading = read('postgres://maya@127.0.0.1:1/crm', { PGPASSWORD: 'hunter2' })
  await expect(reading).rejects.toMatchObject({ code: 'target-unavailable' })
  await expect(reading).rejects.not.toThrow(/hunter2/)
})
