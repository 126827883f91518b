/**
 * A decision over HTTP against a bare node:http server that parses and answers as much: requests a
 * second as a caller with 32 connections sees them, rounds in turn, different requests in a random
 * order, the token known. Beside it the processor time of each server's process: on two cores the
 * caller is the second, and what it costs is in both sides' requests a second.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { startPostgres } from '../test/fakes/postgres.ts'
import { todoRules } from '../test/support/todo-rules.ts'
import { path, type SideSays } from './decision-api-side.ts'
import { compare, type Side } from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'

const sideFile = join(import.meta.dirname, 'decision-api-side.ts')
const [rounds, warmUps, calls, inFlight] = [12, 4, 4_000, 32]

export async function benchDecisionApi(progress: (text: string) => void): Promise<Row> {
  const server = await startPostgres()
  const [ours, echo] = [await start('ours', server.url()), await start('echo', '')]
  const bodies = shuffled(makeBodies())
  const sideOf = (running: Running): Side => ({
    cpuMicros: () => cpuOf(running),
    run: () => askAll(running, bodies),
  })
  try {
    const compared = await compare(sideOf(ours), sideOf(echo), { rounds, warmUps, progress })
    return {
      name: 'decision-api',
      ours: Math.round(1e6 / compared.ours.wall),
      peer: Math.round(1e6 / compared.peer.wall),
      unit: 'requests/s',
      ratio: compared.wall.ratio,
      rounds: compared.rounds,
      spread: compared.wall.spread,
      extra: {
        inFlight,
        cpuMicros: { ours: round3(compared.ours.cpu), peer: round3(compared.peer.cpu) },
        cpuRatio: ratioText(compared.cpu),
        ...machine(),
      },
    }
  } finally {
    for (const { child, agent } of [ours, echo]) {
      child.kill()
      agent.destroy()
    }
    await server.stop()
  }
}

interface Running extends SideSays {
  readonly child: ChildProcess
  readonly agent: Agent
}

async function start(side: 'ours' | 'echo', databaseUrl: string): Promise<Running> {
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const
  const child = fork(sideFile, [side, databaseUrl], { stdio: [...stdio] })
  const says = (await hear(child)) as SideSays
  return { ...says, child, agent: new Agent({ keepAlive: true, maxSockets: inFlight }) }
}

function hear(child: ChildProcess): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const onEnd = () => reject(new Error('a server of the bench ended early'))
  child.once('exit', onEnd)
  child.once('message', said => {
    child.off('exit', onEnd)
    resolve(said)
  })
  return promise
}

async function cpuOf({ child }: Running): Promise<number> {
  child.send('cpu?')
  return ((await hear(child)) as { cpuUs: number }).cpuUs
}

/** Each user asks for each of many things: no two requests of a round are the same. */
function makeBodies(): string[] {
  const users = todoRules.entities
  return Array.from({ length: calls }, (_, n) => {
    const owner = users[n % 3]
    const properties = { ownerID: owner?.properties.email }
    return JSON.stringify({
      subject: { type: 'user', id: users[n % users.length]?.id },
      action: { name: n % 2 === 0 ? 'can_update_todo' : 'can_delete_todo' },
      resource: { type: 'todo', id: `todo-${n}`, properties },
    })
  })
}

function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const [a, b] = [items[i], items[j]]
    if (a !== undefined && b !== undefined) [items[i], items[j]] = [b, a]
  }
  return items
}

async function askAll(side: Running, bodies: readonly string[]): Promise<number> {
  const next = bodies.values()
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (const body of next) await askOne(side, body)
    }),
  )
  return bodies.length
}

function askOne({ address, token, agent }: Running, body: string): Promise<void> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const call = request(`${address}${path}`, { agent, method: 'POST', headers }, response => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.on('end', () => {
      if (response.statusCode === 200 && text.startsWith('{"decision":')) resolve()
      else reject(new Error(`${response.statusCode}: ${text}`))
    })
  })
  call.on('error', reject)
  call.end(body)
  return promise
}
