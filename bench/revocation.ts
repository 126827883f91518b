/**
 * How long after a hold is requested anything is still let through. Requested is the moment in which the
 * request is sent to the server; what the server takes to accept it is in every figure.
 *
 *   followers   20 processes that follow the log of one PostgreSQL and decide. Of each hold the slowest
 *               of the 20 counts, until its first no; the row is the p99 of all holds, against 50 ms
 *   gateway     an HTTP answer that does not end and a PostgreSQL session at work, each through a tunnel to
 *               the server that takes the hold: the last byte of the target that came through
 *   cut off     a follower whose connection hangs, and which is told nothing: until its first no
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { limits } from '../src/core/base/limits.ts'
import { startPostgres } from '../test/fakes/postgres.ts'
import { type Child, startChild, stopChild } from './child.ts'
import { hold, lift, machineMs } from './holds.ts'
import { median, quantile } from './measure.ts'
import { cutAtGateways } from './revocation-gateway.ts'
import type { ServerSays, Turned } from './revocation-side.ts'
import { againstGoal, type Row, round3 } from './row.ts'

const sideFile = join(import.meta.dirname, 'revocation-side.ts')
const goalMs = 50
/** The first find code that never ran. */
const [warmUps, holds, followers] = [5, 60, 20]
/** Between two holds, so that the sequencer is found at rest as often as not. */
const pauseMs = 120

export async function benchRevocation(progress: (text: string) => void): Promise<Row> {
  const server = await startPostgres({ settings: { max_connections: '200' } })
  const children: Child<unknown>[] = []
  const begin = async <T>(...words: string[]) => {
    const child = await startChild<T>(sideFile, ...words)
    children.push(child)
    return child
  }
  const relay = await startRelay(server.port)
  try {
    const { says } = await begin<ServerSays>('server', server.url())
    const work = JSON.stringify(says.work)
    const all: Follower[] = []
    for (let nth = 0; nth < followers; nth++)
      all.push(watch(await begin('follower', server.url(), work)))
    progress(`${followers} followers`)
    const waits = await holdMany(says, all)
    const url = new URL(server.url())
    url.port = String(relay.port)
    const apart = watch(await begin('follower', url.href, work))
    const partitioned = await cutOff(says, apart, relay)
    progress(`cut off: ${Math.round(partitioned.ms)} ms (${partitioned.rule})`)
    await Promise.all(children.splice(0).map(stopChild))
    const gateways = await cutAtGateways(progress)
    const slowest = waits.map(({ ms }) => Math.max(...ms))
    const each = waits.flatMap(({ ms }) => ms)
    const firsts = waits.map(({ ms }) => Math.min(...ms))
    return againstGoal(
      'revocation',
      {
        ours: round3(quantile(slowest, 0.99)),
        goal: goalMs,
        unit: 'ms, p99 of holds',
        all: slowest,
      },
      {
        peerIs: 'the goal',
        followers,
        ofSlowest: { p50Ms: round3(median(slowest)), maxMs: round3(Math.max(...slowest)) },
        ofFirst: { p50Ms: round3(median(firsts)), p99Ms: round3(quantile(firsts, 0.99)) },
        ofEach: { p50Ms: round3(median(each)), p99Ms: round3(quantile(each, 0.99)) },
        lastYes: {
          p99Ms: round3(
            quantile(
              waits.flatMap(({ yesMs }) => yesMs),
              0.99,
            ),
          ),
        },
        acceptedP50Ms: round3(median(waits.map(({ acceptedMs }) => acceptedMs))),
        gateways: { goalMs: 250, ...gateways },
        cutOff: {
          ms: Math.round(partitioned.ms),
          boundMs: limits.freshForIssueMs,
          rule: partitioned.rule,
        },
      },
    )
  } finally {
    await Promise.all(children.map(stopChild))
    relay.close()
    await server.stop()
  }
}

interface Follower {
  /** The next turn to that answer. */
  turned(allowed: boolean): Promise<Turned>
}

function watch({ process: child }: Child<unknown>): Follower {
  return {
    async turned(allowed) {
      for (;;) {
        const [said] = (await once(child, 'message')) as [Turned]
        if (said.allowed === allowed) return said
      }
    },
  }
}

interface Waited {
  /** Of each follower: until its first no, and its last yes. */
  readonly ms: readonly number[]
  readonly yesMs: readonly number[]
  readonly acceptedMs: number
}

async function holdMany(server: ServerSays, all: readonly Follower[]): Promise<Waited[]> {
  const waits: Waited[] = []
  for (let nth = -warmUps; nth < holds; nth++) {
    const turns = all.map(each => each.turned(false))
    const fromMs = machineMs()
    const id = await hold(server)
    const acceptedMs = machineMs() - fromMs
    const said = await Promise.all(turns)
    const ms = said.map(({ atMs }) => atMs - fromMs)
    const yesMs = said.map(({ lastYesMs }) => lastYesMs - fromMs)
    if (nth >= 0) waits.push({ ms, yesMs, acceptedMs })
    const back = all.map(each => each.turned(true))
    await lift(server, id)
    await Promise.all(back)
    await wait(pauseMs)
  }
  return waits
}

async function cutOff(server: ServerSays, apart: Follower, relay: Relay) {
  const turn = apart.turned(false)
  await wait(2 * limits.followPollMs)
  relay.hang()
  const fromMs = machineMs()
  await hold(server)
  const { atMs, rule } = await turn
  return { ms: atMs - fromMs, rule }
}

interface Relay {
  readonly port: number
  /** From now on nothing comes through, and nobody is told. */
  hang(): void
  close(): void
}

async function startRelay(to: number): Promise<Relay> {
  const open = new Set<Socket>()
  let isHung = false
  const door = createServer(near => {
    const far = connect(to, '127.0.0.1')
    for (const [from, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from)
      from.on('error', () => {}).on('close', () => open.delete(from))
      from.on('data', chunk => {
        if (!isHung) other.write(chunk)
      })
      from.on('end', () => {
        if (!isHung) other.end()
      })
    }
  })
  await once(door.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (door.address() as AddressInfo).port,
    hang: () => void (isHung = true),
    close() {
      door.close()
      for (const socket of open) socket.destroy()
    },
  }
}
