/** An older copy of the database is put back under a server that remembers more. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { installationTable } from '../../src/core/people/rows.ts'
import { signInPerson } from '../../src/core/people/sign-in.ts'
import { startServer } from '../../src/main.ts'

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'leasehold-test-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

const start = (acceptLoss = false) =>
  startServer(readConfig({ LEASEHOLD_HOME: home, LEASEHOLD_PORT: '0' }), {
    acceptLoss,
    log: () => {},
  })

async function work(): Promise<number> {
  const running = await start()
  const { world } = running
  const who = { iss: 'https://company.example', sub: `u-${Math.random()}`, name: 'M', email: null }
  await signInPerson(world, who)
  await world.settle()
  const { position } = world.freshness()
  await running.stop()
  return position
}

test('it does not start, until somebody accepts the loss, which is an entry and a new epoch', async () => {
  const data = join(home, 'pgdata')
  const before = await work()
  await cp(data, join(home, 'backup'), { recursive: true })
  const after = await work()
  expect(after).toBeGreaterThan(before)
  await rm(data, { recursive: true })
  await cp(join(home, 'backup'), data, { recursive: true })

  await expect(start()).rejects.toMatchObject({ code: 'ledger-regressed', next: /accept-loss/ })
  const running = await start(true)
  const { world } = running
  expect(world.replica.all(installationTable)).toMatchObject([{ epoch: 2 }])
  const [entry] = await world.store.query<{ facts: string }>(
    `select facts from ledger_entry where kind = 'log.loss'`,
  )
  expect(JSON.parse(entry?.facts ?? '{}')).toMatchObject({ remembered: { size: after } })
  await running.stop()
  // Once is enough: there is nothing left to accept, and it starts as ever.
  await expect(start(true)).rejects.toMatchObject({ code: 'wrong-state' })
  await (await start()).stop()
})
