/** The canary meets what a recipe left out, and says which line is missing. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/base/json.ts'
import { addSeconds, fromMs, toSeconds } from '../../src/core/base/time.ts'
import { handClock } from '../../test/support/clock.ts'
import { type SalesDatabase, startSalesDatabase } from '../../test/support/sales-database.ts'
import { postgresConnector } from './postgres.ts'

let sales: SalesDatabase
const clock = handClock()
const soon = () => AbortSignal.timeout(15_000)

beforeAll(async () => {
  sales = await startSalesDatabase()
})
afterAll(() => sales?.stop())
beforeEach(() => clock.set(fromMs(Date.now())))

/** Steps of a run, the last one with what it says. */
async function run(change: JsonObject = {}) {
  const target = postgresConnector.open(
    postgresConnector.parseConfig({ ...sales.config, ...change }),
    clock,
  )
  const { ok, steps } = await target.preflight(soon())
  await target.close()
  return { ok, steps, last: steps.at(-1) }
}

async function listOurs(): Promise<string[]> {
  const rows = await sales.ask<{ rolname: string }>(
    `select rolname from pg_roles where rolname ~ '^lh[go]?_' order by 1`,
  )
  return rows.map(row => row.rolname)
}

describe('a canary', () => {
  test('passes on the documented recipe and leaves nothing', async () => {
    const { ok, steps } = await run()
    expect(ok).toBe(true)
    expect(steps.map(step => step.name)).toEqual([
      'server and own rights',
      'database billing',
      'canaries of before are gone',
      'made',
      'accepted',
      'wrong password refused',
      'ended with its session open',
      'refused and gone',
      'rights holder gone',
    ])
    expect(await listOurs()).toEqual([])
  })

  test('takes away an old canary that a crash left, and not one that is at work', async () => {
    const name = (age: number) => `canary_${toSeconds(addSeconds(clock.now(), -age))}_00ff`
    await sales.ask(`create role lh_${name(4000)} login; create role lhg_${name(4000)};
      create role lh_${name(5)} login`)
    for (const role of [`lh_${name(4000)}`, `lhg_${name(4000)}`, `lh_${name(5)}`])
      await sales.ask(`do $$ begin if current_setting('server_version_num')::int >= 160000 then
        execute 'grant ${role} to leasehold with admin option, inherit false, set false'; end if; end $$`)
    expect((await run()).ok).toBe(true)
    expect(await listOurs()).toEqual([`lh_${name(5)}`])
    await sales.ask(`drop role lh_${name(5)}`)
  })

  const missing: [string, string, string, RegExp][] = [
    [
      'makes roles',
      'alter role leasehold nocreaterole',
      'alter role leasehold createrole',
      /createrole/,
    ],
    [
      'ends sessions',
      'revoke pg_signal_backend from leasehold',
      'grant pg_signal_backend to leasehold',
      /grant pg_signal_backend to "leasehold"/,
    ],
    [
      'lets leases connect',
      'revoke grant option for connect on database crm from leasehold',
      'grant connect on database crm to leasehold with grant option',
      /grant connect on database "crm" to "leasehold" with grant option/,
    ],
    [
      'is no superuser',
      'alter role leasehold superuser',
      'alter role leasehold nosuperuser',
      /must not be a superuser/,
    ],
  ]
  test.each(missing)('says what to run for a role that %s', async (_, breakIt, mendIt, says) => {
    await sales.ask(breakIt)
    const { ok, last } = await run()
    await sales.ask(mendIt)
    expect(ok).toBe(false)
    expect(last).toMatchObject({ name: 'server and own rights', ok: false })
    expect(last?.detail).toMatch(says)
    expect(await listOurs()).toEqual([])
  })

  test('names a database it can not enter, and its own account when that is refused', async () => {
    expect((await run({ databases: ['nowhere'] })).last).toMatchObject({
      name: 'database nowhere',
      ok: false,
      detail: expect.stringContaining('nowhere') as string,
    })
    const { last } = await run({ password: 'not this one' })
    expect(last?.detail).toContain("refuses the connector's own account")
    expect(JSON.stringify(last)).not.toContain('not this one')
  })

  test('does not believe a refusal when the probe account is refused as well', async () => {
    const { last } = await run({ probe: { user: 'leasehold_probe', password: 'not this one' } })
    expect(last).toMatchObject({ name: 'refused and gone', ok: false })
    expect(last?.detail).toMatch(/revoked-unverified.*probe account/)
  })

  test('refuses a path that asks for no password, where VALID UNTIL stops nobody', async () => {
    const file = join(sales.server.dataDir, 'pg_hba.conf')
    const kept = await readFile(file, 'utf8')
    await writeFile(file, 'host all all 127.0.0.1/32 trust\n')
    await sales.ask('select pg_reload_conf()')
    const trusting = await untilLast(() => run(), 'wrong password refused')
    await writeFile(file, kept)
    await sales.ask('select pg_reload_conf()')
    expect(trusting.last?.detail).toContain('scram-sha-256')
    await untilLast(() => run(), 'rights holder gone')
  })
})

/** The server takes up its settings a moment after it was told. */
async function untilLast(again: () => ReturnType<typeof run>, name: string) {
  for (let tries = 0; tries < 50; tries++) {
    const result = await again()
    if (result.last?.name === name) return result
    await new Promise(done => setTimeout(done, 20))
  }
  throw new Error(`never came to "${name}"`)
}
