/**
 * A hundred apps whose end date comes at once, with a thousand live leases at ten targets that take 20
 * to 200 ms for each call, one of which never answers: how long until all that is not at that one is
 * verified gone, and each app that has nothing there has its certificate.
 *
 *   ours   the server on a real PostgreSQL, left alone from the moment the date comes: its own jobs end
 *          the apps, drive the leases, take down what is theirs, look again, and certify
 *   peer   a script at the same targets, one call after the other: ends each lease and looks, removes
 *          the holder of each grant and looks. It knows which target hangs and skips it, keeps no log
 *          and signs nothing. Five of the apps are enough to know how long a hundred take: each is
 *          timed by itself, beside the others, and the times are added
 *
 * Beside it: how long those at the target that hangs stay open, that none of them is green, and how
 * long after it answers again they are gone.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { addSeconds } from '../src/core/base/time.ts'
import { startPostgres } from '../test/fakes/postgres.ts'
import { turnedClock } from './due-leases.ts'
import { startEmpty } from './furnish.ts'
import { addApps, endByHand, lookAround, openStations, type Seen } from './offboard-world.ts'
import { machine, type Row, round3 } from './row.ts'

const apps = 100
const peerApps = 5
const [lookMs, patienceMs] = [100, 60_000]
/** Beyond the longest task, which no app outlives. */
const dueInSeconds = 9 * 3600

export async function benchOffboard(progress: (text: string) => void): Promise<Row> {
  const server = await startPostgres()
  const clock = turnedClock()
  const stations = openStations()
  const connectors = stations.map(({ recording }) => recording.connector)
  const { running, stop } = await startEmpty(connectors, server.url(), clock)
  try {
    const endsAt = addSeconds(clock.started, dueInSeconds)
    const all = await addApps(running, stations, { apps, endsAt, databaseUrl: server.url() })
    const leases = stations.reduce((sum, { recording }) => sum + recording.principals.size, 0)
    progress(`${apps} apps with ${leases} leases are there`)
    for (const { recording, latencyMs, hangs } of stations) {
      recording.latencyMs = latencyMs
      if (hangs) recording.mode = 'hangs'
    }
    const byHand = await Promise.all(all.slice(0, peerApps).map(endByHand))
    const peerSeconds = byHand.reduce((sum, each) => sum + each, 0) * (apps / peerApps)
    progress(`a script would take ${round3(peerSeconds)} s`)

    const look = () => lookAround(running.world.store, stations)
    clock.set(endsAt)
    const ours = await until(look, seen => seen.elsewhere === 0 && seen.certified === seen.clear)
    progress(`${round3(ours.seconds)} s: ${JSON.stringify(ours.seen)}`)
    if (ours.seen.hangingGreen > 0) throw new Error('what nobody could look at is called gone')
    for (const { recording, hangs } of stations) if (hangs) recording.mode = 'honest'
    const after = await until(look, seen => seen.hanging === 0)
    progress(`${round3(after.seconds)} s more until the last is gone`)
    return {
      name: 'offboard',
      ours: round3(ours.seconds),
      peer: round3(peerSeconds),
      unit: 's',
      ratio: round3(peerSeconds / ours.seconds),
      rounds: 1,
      spread: [round3(peerSeconds / ours.seconds), round3(peerSeconds / ours.seconds)],
      extra: {
        apps,
        leases,
        certified: ours.seen.certified,
        hanging: {
          apps: apps - ours.seen.clear,
          leases: ours.seen.hanging,
          green: ours.seen.hangingGreen,
          openSeconds: round3(ours.seconds),
          secondsAfterItAnswers: round3(after.seconds),
        },
        ...machine(),
      },
    }
  } finally {
    await stop()
    await server.stop()
  }
}

async function until(look: () => Promise<Seen>, isOver: (seen: Seen) => boolean) {
  const startedMs = performance.now()
  for (;;) {
    const seen = await look()
    const passedMs = performance.now() - startedMs
    if (isOver(seen)) return { seen, seconds: passedMs / 1000 }
    if (passedMs > patienceMs) throw new Error(`not all are gone: ${JSON.stringify(seen)}`)
    await wait(lookMs)
  }
}
