/**
 * Requests to an API through the gateway against the same to the API directly: a small JSON answer and
 * one of 1 MiB in pieces, several at once for what they cost, one after the other for the time added.
 *
 *   ours   a caller, the command line's tunnel, our server, the API. Counted: our server's process, in
 *          which its own embedded database is, and the API's
 *   peer   a caller, the API. Counted: the API's process
 *
 * Each request is decided and recorded. The API does nothing but answer, so what is compared is all that
 * a gateway does with the least that a server can do. The row is the small answer, the harder of the two.
 */
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { openTunnel } from '../cli/src/tunnel.ts'
import { type Child, cpuOf, startChild, stopChild } from './child.ts'
import type { GatedSays } from './gated.ts'
import { compareCosts, measureAll, median, type Side } from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'
import type { UpstreamSays } from './web-upstream.ts'

const [rounds, warmUps, inFlight] = [10, 3, 8]
/** Of each kind: how many a round, how many alone, and the bytes that must come. */
const kinds = {
  small: { path: '/v1/small', calls: 1_000, alone: 300, bytes: 100 },
  large: { path: '/v1/large', calls: 60, alone: 40, bytes: 1024 * 1024 },
} as const
type Kind = keyof typeof kinds
type Call = (kind: Kind) => Promise<void>

export async function benchHttpGateway(progress: (text: string) => void): Promise<Row> {
  const file = (name: string) => join(import.meta.dirname, name)
  const upstream = await startChild<UpstreamSays>(file('web-upstream.ts'))
  const door = await startChild<GatedSays>(file('gated.ts'), 'web', upstream.says.url)
  const { address, path, token, word } = door.says
  const dial = { server: new URL(address), path, token: async () => token }
  const tunnel = await openTunnel(dial, why => progress(why))
  const through = callerOf(`http://127.0.0.1:${tunnel.port}`, { authorization: `Bearer ${word}` })
  const direct = callerOf(upstream.says.url, {})
  const both = [door, upstream]
  const sides = {
    ours: sideOf(through, 'small', both),
    peer: sideOf(direct, 'small', [upstream]),
    oursLarge: sideOf(through, 'large', both),
    peerLarge: sideOf(direct, 'large', [upstream]),
  }
  try {
    const costs = await measureAll(sides, { rounds, warmUps, progress })
    const small = compareCosts(costs.ours, costs.peer)
    const large = compareCosts(costs.oursLarge, costs.peerLarge)
    return {
      name: 'http-gateway',
      ours: round3(small.ours.cpu),
      peer: round3(small.peer.cpu),
      unit: 'µs CPU/request',
      ratio: small.cpu.ratio,
      rounds: small.rounds,
      spread: small.cpu.spread,
      extra: {
        inFlight,
        counted: 'ours: our server and the API; peer: the API',
        wall: ratioText(small.wall),
        addedP50Ms: await addedP50Ms(through, direct),
        large: {
          cpuMicros: { ours: round3(large.ours.cpu), peer: round3(large.peer.cpu) },
          cpu: ratioText(large.cpu),
          wall: ratioText(large.wall),
        },
        ...machine(),
      },
    }
  } finally {
    tunnel.close()
    await Promise.all([stopChild(door), stopChild(upstream)])
  }
}

function callerOf(url: string, headers: Readonly<Record<string, string>>): Call {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  return kind => {
    const { path, bytes } = kinds[kind]
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const asked = request(`${url}${path}`, { agent, headers }, response => {
      let got = 0
      response.on('data', (part: Buffer) => (got += part.length))
      response.once('error', reject).on('end', () => {
        if (response.statusCode === 200 && got >= bytes) resolve()
        else reject(new Error(`${response.statusCode} and ${got} bytes`))
      })
    })
    asked.once('error', reject).end()
    return promise
  }
}

function sideOf(call: Call, kind: Kind, children: readonly Child<unknown>[]): Side {
  const { calls } = kinds[kind]
  return {
    async cpuMicros() {
      const costs = await Promise.all(children.map(cpuOf))
      return costs.reduce((sum, cost) => sum + cost, 0)
    },
    async run() {
      let left = calls
      const work = async () => {
        while (left-- > 0) await call(kind)
      }
      await Promise.all(Array.from({ length: inFlight }, work))
      return calls
    },
  }
}

/** One call after the other, in turn, so that both meet the same machine. */
async function addedP50Ms(through: Call, direct: Call): Promise<Record<Kind, number>> {
  const added = { small: 0, large: 0 }
  for (const kind of ['small', 'large'] as const) {
    const took = { through: [] as number[], direct: [] as number[] }
    for (let nth = 0; nth < kinds[kind].alone; nth++) {
      took.through.push(await timed(() => through(kind)))
      took.direct.push(await timed(() => direct(kind)))
    }
    added[kind] = round3(median(took.through) - median(took.direct))
  }
  return added
}

async function timed(call: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await call()
  return performance.now() - from
}
