/**
 * How long what is open at a gateway goes on after a hold is requested: an HTTP answer without end and a
 * PostgreSQL session that asks without a pause, each as its caller hears it behind the tunnel.
 */
import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { openTunnel } from '../cli/src/tunnel.ts'
import { startChild, stopChild } from './child.ts'
import type { BothSays, GatedSays } from './gated.ts'
import { hold, lift, machineMs } from './holds.ts'
import { median } from './measure.ts'
import { round3 } from './row.ts'
import type { UpstreamSays } from './web-upstream.ts'

const rounds = 12
/** Both are at work for so long before the hold. */
const warmMs = 300
/** Who was silent for so long before it was not cut by it. */
const stillMs = 100

export async function cutAtGateways(progress: (text: string) => void) {
  const file = (name: string) => join(import.meta.dirname, name)
  const upstream = await startChild<UpstreamSays>(file('web-upstream.ts'))
  const door = await startChild<BothSays>(file('gated.ts'), 'both', upstream.says.url)
  const { web, sales, holder } = door.says
  const [http, postgres]: [number[], number[]] = [[], []]
  try {
    for (let round = 0; round < rounds; round++) {
      // What a hold has stopped is ended at its target: each round has leases of its own.
      await using toWeb = await openLeased(web, 'api', progress)
      await using toSales = await openLeased(sales, 'crm.deals', progress)
      const streams = openStream(toWeb)
      const asks = askOn(toSales)
      await wait(warmMs)
      const fromMs = machineMs()
      const id = await hold(holder)
      const [lastPiece, lastAnswer] = await Promise.all([streams, asks])
      if (Math.min(lastPiece, lastAnswer) < fromMs - stillMs)
        throw new Error('what was to be cut was not at work')
      http.push(Math.max(0, lastPiece - fromMs))
      postgres.push(Math.max(0, lastAnswer - fromMs))
      progress(
        `gateway: ${Math.round(http.at(-1) ?? 0)} and ${Math.round(postgres.at(-1) ?? 0)} ms`,
      )
      await lift(holder, id)
    }
    return { rounds, http: figuresOf(http), postgres: figuresOf(postgres) }
  } finally {
    await Promise.all([stopChild(door), stopChild(upstream)])
  }
}

interface Open extends AsyncDisposable {
  readonly port: number
  readonly user: string
  readonly word: string
}

/** A lease asked for by the task, as `run` does, and a door to it. */
async function openLeased(
  { address, token }: GatedSays,
  resource: string,
  told: (why: string) => void,
): Promise<Open> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ resource, actions: ['read'] })
  const answer = await fetch(`${address}/v1/leases`, { method: 'POST', headers, body })
  if (answer.status !== 201) throw new Error(`a lease: ${answer.status} ${await answer.text()}`)
  const { lease, handle } = (await answer.json()) as Issued
  const dial = { server: new URL(address), path: `/v1/leases/${lease.id}/tunnel` }
  const { port, close } = await openTunnel({ ...dial, token: async () => token }, told)
  const { user = '' } = handle.connect
  return { port, user, word: handle.word, [Symbol.asyncDispose]: async () => close() }
}

interface Issued {
  readonly lease: { readonly id: string }
  readonly handle: { readonly word: string; readonly connect: { readonly user?: string } }
}

function figuresOf(all: readonly number[]) {
  return { p50Ms: round3(median(all)), maxMs: round3(Math.max(...all)) }
}

/** When the last piece came; resolves when the stream is over. */
function openStream({ port, word }: Open): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let lastMs = 0
  const headers = { authorization: `Bearer ${word}` }
  const asked = get(`http://127.0.0.1:${port}/v1/endless`, { headers, agent: false }, answer => {
    if (answer.statusCode !== 200) reject(new Error(`a stream: ${answer.statusCode}`))
    answer.on('data', () => (lastMs = machineMs()))
    answer.once('error', () => {}).once('close', () => resolve(lastMs))
  })
  asked.once('error', error => (lastMs === 0 ? reject(error) : resolve(lastMs)))
  return promise
}

/** When the last answer came; resolves when the session is over. */
async function askOn({ port, user, word }: Open): Promise<number> {
  const client = new pg.Client({ host: '127.0.0.1', port, user, password: word, database: 'crm' })
  client.on('error', () => {})
  await client.connect()
  for (let lastMs = 0; ; lastMs = machineMs())
    try {
      await client.query('select name from crm.deals where id = 7')
    } catch {
      await client.end().catch(() => {})
      return lastMs
    }
}
