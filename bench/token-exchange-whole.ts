/**
 * The whole exchange with its store: attest, decide by the program's own rules, sign, and one
 * transaction with the used assertion, the task, the token and the entry. Durable on PostgreSQL; not
 * on the embedded database, which says so.
 */

import { openStore } from '../src/core/store/open.ts'
import type { Store } from '../src/core/store/store.ts'
import { startPostgres } from '../test/fakes/postgres.ts'
import { ciToken } from '../test/support/attested.ts'
import { ask, endWorld, tokenWorld } from '../test/support/token-world.ts'
import { quantile } from './measure.ts'
import { round3 } from './row.ts'

const [calls, inFlight] = [1_000, 16]

/** By store: exchanges a second, CPU of this process (µs for one), and how long one took (ms). */
export async function wholePath(progress: (text: string) => void) {
  progress('the whole path, embedded')
  const pglite = await measure()
  progress('the whole path, PostgreSQL')
  const server = await startPostgres()
  try {
    const store = await openStore({ url: server.url() })
    return { inFlight, pglite, postgres: await measure(store) }
  } finally {
    await server.stop()
  }
}

async function measure(store?: Store) {
  const world = await tokenWorld(store)
  // Each its own run, as jobs are: so each opens a task.
  const tokens: string[] = []
  for (let i = 0; i < calls + inFlight; i++)
    tokens.push(await ciToken(world, { run_id: String(i + 1) }))
  for (const token of tokens.splice(0, inFlight)) await ask(world, token)
  const times: number[] = []
  const cpu = process.cpuUsage()
  const started = performance.now()
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (let token = tokens.pop(); token !== undefined; token = tokens.pop()) {
        const begun = performance.now()
        const answer = await ask(world, token)
        if (answer.kind !== 'issued') throw new Error(answer.kind)
        times.push(performance.now() - begun)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await endWorld(world)
  return {
    perSecond: Math.round(calls / seconds),
    cpuMicros: round3((user + system) / calls),
    p50Ms: round3(quantile(times, 0.5)),
    p99Ms: round3(quantile(times, 0.99)),
  }
}
