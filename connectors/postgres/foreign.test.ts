/** The end of a role that is not ours, at a real PostgreSQL; and all the roles it may never touch. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { systemClock } from '../../src/core/base/time.ts'
import type { Target } from '../../src/core/target/target.ts'
import {
  newSecret,
  type SalesDatabase,
  signInAs,
  startSalesDatabase,
} from '../../test/support/sales-database.ts'
import { postgresConnector } from './postgres.ts'

let sales: SalesDatabase
let target: Target
const secret = newSecret()
const soon = () => AbortSignal.timeout(10_000)

beforeAll(async () => {
  sales = await startSalesDatabase()
  const config = postgresConnector.parseConfig({ ...sales.config, tls: false })
  target = postgresConnector.open(config, systemClock)
})
afterAll(async () => {
  await target?.close()
  await sales?.stop()
})

async function made(name: string, more = ''): Promise<string> {
  await sales.ask(`create role ${name} login password '${secret}' ${more};
    grant ${name} to leasehold with admin option`)
  return idOf(name)
}
async function idOf(name: string): Promise<string> {
  const text = 'select oid::text as id from pg_roles where rolname = $1'
  const [row] = await sales.ask<{ id: string }>(text, [name])
  if (row === undefined) throw new Error(`there is no ${name}`)
  return row.id
}
const end = (id: string) => {
  if (target.endFound === undefined) throw new Error('it ends what it finds')
  return target.endFound({ id, kind: 'account' }, soon())
}
const canSignIn = async (principal: string) => {
  const session = await signInAs(sales, { principal, secret }).catch(() => undefined)
  await session?.end()
  return session !== undefined
}

describe('a role that is not ours', () => {
  test('is ended with its sessions, and again is no error', async () => {
    const id = await made('cron')
    const session = await signInAs(sales, { principal: 'cron', secret })
    expect(await end(id)).toMatchObject({ listed: 'absent', residue: [] })
    await expect(session.query('select 1')).rejects.toThrow(/terminat|connection/)
    expect(await end(id)).toMatchObject({ listed: 'absent', residue: [] })
    expect(await canSignIn('cron')).toBe(false)
  })

  test('is meant by its number: who took its name since is left alone', async () => {
    const id = await made('renamed')
    await sales.ask('drop role renamed')
    await made('renamed')
    expect(await end(id)).toMatchObject({ listed: 'absent' })
    expect(await canSignIn('renamed')).toBe(true)
  })

  test('whose name would end a statement is quoted by the server', async () => {
    const name = `x"; drop table crm.deals; --`
    const quoted = `"${name.replaceAll('"', '""')}"`
    const id = await made(quoted).catch(() => idOf(name))
    expect(await end(id)).toMatchObject({ listed: 'absent' })
    expect(await sales.ask('select 1 from crm.deals limit 1')).toHaveLength(1)
  })

  test('that owns something, or was given a right by others, is stopped and told with what it has', async () => {
    const owner = await made('owner_of_it')
    await sales.ask('create table crm.own (id int); alter table crm.own owner to owner_of_it')
    const seen = await end(owner)
    expect(seen).toMatchObject({ listed: 'present', residue: ['owns table crm.own'] })
    expect(seen.because).toMatch(/^It can not sign in any more; owns table crm.own/)
    const reader = await made('reader')
    await sales.ask('grant select on crm.contacts to reader')
    expect(await end(reader)).toMatchObject({ listed: 'present' })
    expect([await canSignIn('owner_of_it'), await canSignIn('reader')]).toEqual([false, false])
    expect(await sales.ask('select from crm.own')).toEqual([])
  })

  test('that our account has no right on is told as that', async () => {
    await sales.ask(`create role not_ours login password '${secret}'`)
    const version = await sales.ask<{ v: number }>(
      `select current_setting('server_version_num')::int as v`,
    )
    const seen = await end(await idOf('not_ours'))
    // Before 16 whoever may make roles may change them all.
    if ((version[0]?.v ?? 0) < 160_000) return expect(seen.listed).toBe('absent')
    expect(seen).toMatchObject({ listed: 'present' })
    expect(seen.because).toMatch(/^It can still sign in; .*permission denied/i)
  })
})

describe('a hold of it', () => {
  const kept: Json[] = []
  const keep = async (was: Json) => void kept.push(was)
  const hold = async (id: string) => target.holdFound?.({ id, kind: 'account' }, keep, soon())
  const release = async (id: string, was: Json) =>
    target.releaseFound?.({ id, kind: 'account' }, was, soon())

  test('stops it with its sessions, again is no error, and its release lets it in as before', async () => {
    const id = await made('held_bot', 'connection limit 3')
    const row = () => sales.ask('select * from pg_roles where oid = $1::oid', [id])
    const before = await row()
    const session = await signInAs(sales, { principal: 'held_bot', secret })
    expect(await hold(id)).toEqual({ isHeld: true })
    await expect(session.query('select 1')).rejects.toThrow(/terminat|connection/)
    expect(await canSignIn('held_bot')).toBe(false)
    expect(await hold(id)).toEqual({ isHeld: true })
    expect(kept).toEqual([{ canSignIn: true }, { canSignIn: false }])
    expect(await release(id, kept[0] ?? null)).toEqual({ isHeld: false })
    expect(await canSignIn('held_bot')).toBe(true)
    expect(await row()).toEqual(before)
  })

  test('changes nothing before it was kept what it was', async () => {
    const id = await made('unkept')
    const full = () => Promise.reject(new Error('the disk is full'))
    const held = async () => target.holdFound?.({ id, kind: 'account' }, full, soon())
    expect(await held()).toMatchObject({ isHeld: false, because: expect.any(String) })
    expect(await canSignIn('unkept')).toBe(true)
  })

  test('of what could not sign in before lets nobody in by its release', async () => {
    const id = await made('asleep')
    await sales.ask('alter role asleep nologin')
    expect(await hold(id)).toEqual({ isHeld: true })
    expect(await release(id, kept.at(-1) ?? null)).toMatchObject({ isHeld: true })
    expect(await canSignIn('asleep')).toBe(false)
    // Nor does anything that is not what was kept.
    expect(await release(id, 'true')).toMatchObject({ isHeld: true })
  })

  test('can be followed by its end', async () => {
    const id = await made('held_then_ended')
    await hold(id)
    expect(await end(id)).toMatchObject({ listed: 'absent', residue: [] })
    expect(await hold(id)).toMatchObject({ isHeld: true, because: 'it is not there any more' })
    expect(await release(id, { canSignIn: true })).toMatchObject({ isHeld: true })
  })

  test('is told where our account has no right on it', async () => {
    await sales.ask(`create role not_ours_either login password '${secret}'`)
    const [{ v } = { v: 0 }] = await sales.ask<{ v: number }>(
      `select current_setting('server_version_num')::int as v`,
    )
    const seen = await hold(await idOf('not_ours_either'))
    if (v < 160_000) return expect(seen).toEqual({ isHeld: true })
    expect(seen).toMatchObject({
      isHeld: false,
      because: expect.stringMatching(/permission denied/i),
    })
  })

  test('is never of a superuser, of what we sign in with, or of a role under our name', async () => {
    const boss = await made('held_boss', 'superuser')
    const others = ['leasehold', 'leasehold_probe', 'pg_read_all_data'].map(idOf)
    for (const id of [boss, await made('lh_y_z'), ...(await Promise.all(others))]) {
      const before = await sales.ask('select * from pg_roles where oid = $1::oid', [id])
      kept.length = 0
      expect(await hold(id)).toMatchObject({ because: 'a person does that to this one' })
      expect(await release(id, { canSignIn: true })).toMatchObject({
        because: expect.stringContaining('person'),
      })
      expect(await sales.ask('select * from pg_roles where oid = $1::oid', [id])).toEqual(before)
      expect(kept).toEqual([])
    }
  })

  test.each(['', 'held_bot', '1; drop role x', '-1', '0'])('of no number: %j', async id => {
    await expect(hold(id)).rejects.toMatchObject({ code: 'invalid-field' })
    await expect(release(id, null)).rejects.toMatchObject({ code: 'invalid-field' })
  })
})

describe('never touched is', () => {
  test.each(['leasehold', 'leasehold_probe', 'pg_read_all_data', 'postgres'])('%s', async name => {
    const rows = await sales.ask<{ name: string }>('select current_user as name')
    const id = await idOf(name === 'postgres' ? (rows[0]?.name ?? name) : name)
    const before = await sales.ask('select * from pg_roles where oid = $1::oid', [id])
    expect(await end(id)).toMatchObject({ listed: 'present' })
    expect(await sales.ask('select * from pg_roles where oid = $1::oid', [id])).toEqual(before)
  })

  test('a superuser, and a role under our name', async () => {
    for (const [name, more] of [
      ['boss', 'superuser'],
      ['lh_x_y', ''],
      ['lhg_x_y', ''],
    ] as const) {
      expect(await end(await made(name, more))).toMatchObject({ listed: 'present' })
      expect(await canSignIn(name)).toBe(true)
    }
  })

  test.each(['', 'cron', '1; drop role x', '-1', '0', '99999999999'])(
    'what is no number: %j',
    async id => {
      await expect(end(id)).rejects.toMatchObject({ code: 'invalid-field' })
    },
  )
})
