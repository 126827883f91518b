/**
 * SQL through the gateway against the same to the same PostgreSQL directly: pgbench looks up one row of
 * 100,000 by its key, a few connections at once, each round once in the simple protocol and once in the
 * extended one.
 *
 *   ours   pgbench, the command line's tunnel, our server, PostgreSQL. Counted: our server's process, in
 *          which its own embedded database is, and PostgreSQL with all its sessions
 *   peer   pgbench, PostgreSQL. Counted: PostgreSQL with all its sessions
 *
 * What a session costs when it opens (two entries in our log, a sign-in at each end) is in it, as pgbench
 * opens its connections anew each round. pgbench and the tunnel are not counted; the tunnel is told beside.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { openTunnel } from '../cli/src/tunnel.ts'
import { cpuOf, startChild, stopChild } from './child.ts'
import type { SalesSays } from './gated.ts'
import {
  compareCosts,
  measureAll,
  median,
  ownCpuMicros,
  type Side,
  treeCpuMicros,
} from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'

const [rounds, warmUps, connections, perConnection] = [8, 2, 4, 4_000]
const modes = ['simple', 'extended'] as const
type Mode = (typeof modes)[number]

interface Where {
  readonly deals: number
  readonly port: number
  readonly user: string
  readonly password: string
}

/** One round of lookups; resolves to how many there were. */
type Load = (where: Where, mode: Mode) => Promise<number>

export async function benchTcpGateway(progress: (text: string) => void): Promise<Row> {
  const home = await mkdtemp(join(tmpdir(), 'leasehold-bench-'))
  const door = await startChild<SalesSays>(join(import.meta.dirname, 'gated.ts'), 'sales')
  const { address, path, token, word, user, deals, direct } = door.says
  const dial = { server: new URL(address), path, token: async () => token }
  const tunnel = await openTunnel(dial, why => progress(why))
  const pgbench = await findPgbench(home)
  const load = pgbench ?? byDriver
  const tunnelMicros: number[] = []
  const through = (mode: Mode): Side => ({
    cpuMicros: async () => (await cpuOf(door)) + treeCpuMicros(direct.pid),
    async run() {
      const before = ownCpuMicros()
      const count = await load({ deals, port: tunnel.port, user, password: word }, mode)
      tunnelMicros.push((ownCpuMicros() - before) / count)
      return count
    },
  })
  const straight = (mode: Mode): Side => ({
    cpuMicros: () => treeCpuMicros(direct.pid),
    run: () => load({ deals, ...direct }, mode),
  })
  const sides = {
    ours: through('simple'),
    peer: straight('simple'),
    oursExtended: through('extended'),
    peerExtended: straight('extended'),
  }
  try {
    const costs = await measureAll(sides, { rounds, warmUps, progress })
    const simple = compareCosts(costs.ours, costs.peer)
    const extended = compareCosts(costs.oursExtended, costs.peerExtended)
    return {
      name: 'tcp-gateway',
      ours: round3(simple.ours.cpu),
      peer: round3(simple.peer.cpu),
      unit: 'µs CPU/query',
      ratio: simple.cpu.ratio,
      rounds: simple.rounds,
      spread: simple.cpu.spread,
      extra: {
        loadBy: pgbench === undefined ? 'node-postgres, pgbench is not here' : 'pgbench',
        connections,
        counted: 'ours: our server and PostgreSQL; peer: PostgreSQL',
        wall: ratioText(simple.wall),
        extended: {
          cpuMicros: { ours: round3(extended.ours.cpu), peer: round3(extended.peer.cpu) },
          cpu: ratioText(extended.cpu),
          wall: ratioText(extended.wall),
        },
        ...(pgbench && { tunnelCpuMicros: round3(median(tunnelMicros)) }),
        ...machine(),
      },
    }
  } finally {
    tunnel.close()
    await stopChild(door)
    await rm(home, { recursive: true, force: true })
  }
}

async function findPgbench(home: string): Promise<Load | undefined> {
  const program = ['/usr/lib/postgresql/15/bin/pgbench', '/usr/bin/pgbench'].find(existsSync)
  if (program === undefined) return undefined
  const script = join(home, 'lookup.sql')
  await writeFile(
    script,
    '\\set one random(1, :deals)\nselect name from crm.deals where id = :one;\n',
  )
  return async ({ deals, port, user, password }, mode) => {
    const how = ['-n', '-c', connections, '-j', 1, '-t', perConnection, '-M', mode]
    const where = ['-D', `deals=${deals}`, '-f', script, '-h', '127.0.0.1', '-p', port, '-U', user]
    const env = { PATH: process.env['PATH'], PGPASSWORD: password, LANG: 'C' }
    const child = spawn(program, [...how, ...where, 'crm'].map(String), { env })
    let [said, fault] = ['', '']
    child.stdout.on('data', chunk => (said += String(chunk)))
    child.stderr.on('data', chunk => (fault += String(chunk)))
    const [code] = (await once(child, 'close')) as [number | null]
    const [, done = '0'] = /transactions actually processed: (\d+)/.exec(said) ?? []
    if (code === 0 && Number(done) === connections * perConnection) return Number(done)
    throw new Error(`pgbench ended with ${String(code)}: ${fault}`)
  }
}

/** The same by the driver, where there is no pgbench. */
async function byDriver({ deals, port, user, password }: Where, mode: Mode): Promise<number> {
  const own = { host: '127.0.0.1', port, user, password, database: 'crm' }
  const work = async () => {
    const client = new pg.Client(own)
    await client.connect()
    for (let nth = 0; nth < perConnection; nth++) {
      const one = 1 + Math.floor(Math.random() * deals)
      const text = 'select name from crm.deals where id ='
      if (mode === 'simple') await client.query(`${text} ${one}`)
      else await client.query(`${text} $1`, [one])
    }
    await client.end()
    return perConnection
  }
  const counts = await Promise.all(Array.from({ length: connections }, work))
  return counts.reduce((sum, count) => sum + count, 0)
}
