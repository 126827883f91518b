/** Two replicas on one PostgreSQL: what holds when calls really run beside each other. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../test/fakes/postgres.ts'
import { ciToken } from '../../../test/support/attested.ts'
import { ask, type TokenWorld, tokenWorld } from '../../../test/support/token-world.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'

let postgres: RunningPostgres
let stores: Store[]
let replicas: TokenWorld[]
beforeAll(async () => {
  postgres = await startPostgres({ fsync: false })
  stores = [await openStore({ url: postgres.url() }), await openStore({ url: postgres.url() })]
  const world = await tokenWorld(stores[0])
  replicas = stores.map(store => ({ ...world, store }))
})
afterAll(async () => {
  await replicas[0]?.github.stop()
  for (const store of stores) await store.close()
  await postgres.stop()
})

const count = async (text: string) =>
  (await stores[0]?.query<{ n: number }>(`select count(*)::int as n from ${text}`))?.[0]?.n
const askEach = (tokens: readonly string[]) =>
  Promise.all(tokens.flatMap(token => replicas.map(replica => ask(replica, token))))

test('one assertion brought fifty times to both is one token, one task and one entry', async () => {
  const [world] = replicas
  if (world === undefined) throw new Error('no replica')
  const token = await ciToken(world, { run_id: 'once' })
  const answers = await askEach(Array.from({ length: 25 }, () => token))
  expect(answers.filter(answer => answer.kind === 'issued')).toHaveLength(1)
  expect(answers.filter(answer => answer.kind === 'refused')).toHaveLength(49)
  expect(await count('token')).toBe(1)
  expect(await count('task')).toBe(1)
  expect(await count("ledger_inbox where kind = 'token.exchange'")).toBe(1)
})

test('calls of one run at both join one task, each with a token that names it', async () => {
  const [world] = replicas
  if (world === undefined) throw new Error('no replica')
  const own = () => ciToken(world, { run_id: 'joined' })
  const tokens = await Promise.all(Array.from({ length: 10 }, own))
  const answers = await Promise.all(tokens.map((token, i) => ask(replicas[i % 2] ?? world, token)))
  const tasks = new Set(
    answers.map(answer => (answer.kind === 'issued' ? answer.token.row.taskId : answer.kind)),
  )
  expect(tasks.size).toBe(1)
  expect(await count("task where provenance ->> 'run' = 'joined'")).toBe(1)
})

test('a denial brought to both at once is one entry', async () => {
  const [world] = replicas
  if (world === undefined) throw new Error('no replica')
  const token = await ciToken(world, { run_id: 'denied' })
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ask(replicas[i % 2] ?? world, token, { purpose: 'x' })),
  )
  expect(answers.filter(answer => answer.kind === 'denied')).toHaveLength(1)
  expect(await count("ledger_inbox where kind = 'decision.deny'")).toBe(1)
})
