/** The server as its own process, with a slow target and many leases that are due when it is told. */
import pg from 'pg'
import { addSeconds } from '../src/core/base/time.ts'
import type { Connector } from '../src/core/target/target.ts'
import { recordingTarget } from '../test/fakes/recording-target.ts'
import { addDueLeases, placeOf, sweepAll, turnedClock } from './due-leases.ts'
import type { SlowOptions, SlowSays } from './expiry-slow.ts'
import { startAtWork } from './furnish.ts'

const options = JSON.parse(process.argv[2] ?? '') as SlowOptions
const clock = turnedClock()
const recording = recordingTarget()
const flight = { now: 0, most: 0 }
const work = await startAtWork(placeOf(counted(recording.connector)), options.databaseUrl, clock)
const owner = new pg.Client({ connectionString: options.databaseUrl })
await owner.connect()
// Before the token of the person who calls meanwhile is over, which the leap would end.
const dueAt = addSeconds(clock.started, 200)
await addDueLeases(work, { owner, recording }, { count: options.count, at: dueAt })
await owner.query('vacuum analyze')
await owner.end()
recording.latencyMs = options.latencyMs

const { issuer, address } = work.running
say({ issuer, address, link: await work.running.signInLink() })
process.once('message', () => void run())
process.once('disconnect', () => process.exit(0))

async function run(): Promise<void> {
  const startedMs = performance.now()
  clock.set(dueAt)
  const gone = await sweepAll(work)
  say({ wallMs: performance.now() - startedMs, gone, mostInFlight: flight.most })
}

function say(message: SlowSays): void {
  process.send?.(message)
}

/** The same connector, with its calls counted while they are under way. */
function counted(connector: Connector): Connector {
  return {
    ...connector,
    open(config, clock) {
      const target = connector.open(config, clock)
      return {
        ...target,
        end: (order, signal) => inFlight(() => target.end(order, signal)),
        verifyGone: (order, signal) => inFlight(() => target.verifyGone(order, signal)),
      }
    },
  }
}

async function inFlight<T>(call: () => Promise<T>): Promise<T> {
  flight.most = Math.max(flight.most, ++flight.now)
  try {
    return await call()
  } finally {
    flight.now--
  }
}
