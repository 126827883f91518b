/** Many ends at a slow target, and what people feel of it: see expiry.ts. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type SignedIn, signInLink } from '../demo/people.ts'
import { startPostgres } from '../test/fakes/postgres.ts'
import { quantile } from './measure.ts'
import { round3 } from './row.ts'

const count = 10_000
const latencyMs = 20
const everyMs = 20

export interface SlowOptions {
  readonly databaseUrl: string
  readonly count: number
  readonly latencyMs: number
}

export type SlowSays =
  | { readonly issuer: string; readonly address: string; readonly link: string }
  | { readonly wallMs: number; readonly gone: number; readonly mostInFlight: number }

export async function measureSlowTarget(progress: (text: string) => void) {
  const server = await startPostgres()
  const options: SlowOptions = { databaseUrl: server.url(), count, latencyMs }
  const child = fork(join(import.meta.dirname, 'expiry-server.ts'), [JSON.stringify(options)])
  try {
    const ready = await said(child)
    if (!('link' in ready)) throw new Error('the server says where it is first')
    const person = await signInLink(ready.issuer, ready.address, ready.link)
    const calm = await callFor(person, wait(3_000))
    child.send('go')
    const done = said(child)
    const busy = await callFor(person, done)
    const end = await done
    if (!('wallMs' in end) || end.gone !== count) throw new Error('not all are gone')
    const seconds = round3(end.wallMs / 1000)
    progress(`${count} at ${latencyMs} ms: ${seconds} s, API p99 ${busy.p99} ms (calm ${calm.p99})`)
    return {
      leases: count,
      latencyMs,
      mostInFlight: end.mostInFlight,
      seconds,
      apiMs: { calm, busy },
    }
  } finally {
    child.kill('SIGKILL')
    await server.stop()
  }
}

/** A person's calls, each after a short pause, until something is over; their times. */
async function callFor({ client }: SignedIn, until: Promise<unknown>) {
  const over = new AbortController()
  void until.finally(() => over.abort())
  const times: number[] = []
  while (!over.signal.aborted) {
    const startedMs = performance.now()
    await client.get('/v1/apps')
    times.push(performance.now() - startedMs)
    await wait(everyMs)
  }
  return {
    calls: times.length,
    p50: round3(quantile(times, 0.5)),
    p99: round3(quantile(times, 0.99)),
  }
}

async function said(child: ReturnType<typeof fork>): Promise<SlowSays> {
  const over = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${String(code)}`)
  })
  const [message] = (await Promise.race([once(child, 'message'), over])) as [SlowSays]
  return message
}
