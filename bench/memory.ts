/**
 * What the server's process holds after a working day: the demo's story, then 10,000 leases issued at
 * a real PostgreSQL and ended, several at a time. The demo runs its pretend issuers in the same
 * process, so that the server alone is a little less. On the embedded store, and on PostgreSQL.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { startParts } from '../demo/parts.ts'
import { playStory } from '../demo/story.ts'
import { startPostgres } from '../test/fakes/postgres.ts'
import { furnish } from './furnish.ts'
import { byLease, placeAt } from './lease-cycle.ts'
import { memoryOf } from './process.ts'
import { againstGoal, type Row } from './row.ts'

const leases = 10_000
const writers = 8
const settleMs = 10_000
const goals = { embedded: 500, postgres: 250 }

export async function benchMemory(
  store: keyof typeof goals,
  progress: (text: string) => void,
): Promise<Row> {
  const server = await startPostgres()
  if (store === 'postgres') process.env.LEASEHOLD_DEMO_DATABASE_URL = server.url()
  const parts = await startParts({ kept: false, port: 0 }, () => {})
  try {
    await playStory(parts, () => {})
    const { VmRSS: afterDemo = Number.NaN } = memoryOf(process.pid)
    progress(`after the demo ${afterDemo} MB`)
    const work = { ...(await furnish(parts.running, await placeAt(server))), ...parts }
    let left = leases
    const write = async () => {
      while (left-- > 0) {
        await byLease(work)
        if (left % 1_000 === 0) progress(`${left} left, ${memoryOf(process.pid).VmRSS ?? '?'} MB`)
      }
    }
    await Promise.all(Array.from({ length: writers }, write))
    await parts.running.world.settle()
    await wait(settleMs)
    const { VmRSS: ours = Number.NaN, VmHWM: peak = Number.NaN } = memoryOf(process.pid)
    const figures = { ours, goal: goals[store], unit: 'MB' }
    return againstGoal(`memory-${store}`, figures, { leases, afterDemoMb: afterDemo, peakMb: peak })
  } finally {
    await parts.stop()
    await server.stop()
  }
}
