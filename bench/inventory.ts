/**
 * A look at everything that is at one target with 100,000 objects, given page by page: how much memory
 * it takes above what the idle process holds, how long it takes, and what a second look costs when ten
 * objects are new. All objects carry our name and are live leases but those ten, so that each has to
 * be held against our own rows: the dearest case.
 *
 * Against a goal, not another side: 150 MB. The server is whole, on a real PostgreSQL.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pg from 'pg'
import { prefixOf } from '../src/core/lease/names.ts'
import type { Connector, Found, InventoryPage } from '../src/core/target/target.ts'
import { takeInventory } from '../src/life/drift/inventory.ts'
import { startPostgres } from '../test/fakes/postgres.ts'
import { recordingTarget } from '../test/fakes/recording-target.ts'
import { columnsOf, leaseRow, placeOf } from './due-leases.ts'
import { type AtWork, startAtWork } from './furnish.ts'
import { againstGoal, type Row, round3 } from './row.ts'

/** What is measured: whatever takes its place answers the names that are no lease of ours. */
const lookAtAll = (work: AtWork): Promise<string[]> => takeInventory(work.running.world)

const [objects, pageRows, changed] = [100_000, 1_000, 10]
const goalMb = 150
const sampleMs = 20

export async function benchInventory(progress: (text: string) => void): Promise<Row> {
  const server = await startPostgres()
  const catalogue: Catalogue = { count: 0, pages: 0, nameOf: String }
  const work = await startAtWork(placeOf(pagedTarget(catalogue)), server.url())
  try {
    await addLeases(server.url(), work)
    const prefix = `${prefixOf(work.running.world.installationId())}bench_`
    catalogue.nameOf = nth => `${prefix}${suffixOf(nth)}`
    catalogue.count = objects
    const idleMb = settledMb()
    progress(`${objects} objects are there, ${round3(idleMb)} MB idle`)
    const first = await measured(catalogue, () => lookAtAll(work))
    if (first.strangers !== 0) throw new Error('a lease of ours is called a stranger')
    progress(`first look: ${JSON.stringify(first)}`)
    catalogue.count += changed
    const again = await measured(catalogue, () => lookAtAll(work))
    if (again.strangers !== changed) throw new Error('not every stranger was seen')
    progress(`second look: ${JSON.stringify(again)}`)
    const aboveMb = round3(Math.max(first.mostMb, again.mostMb) - idleMb)
    return againstGoal(
      'inventory',
      { ours: aboveMb, goal: goalMb, unit: 'MB above idle' },
      { objects, pageRows, changed, idleMb: round3(idleMb), first, again },
    )
  } finally {
    await work.stop()
    await server.stop()
  }
}

interface Catalogue {
  count: number
  /** Asked so far. */
  pages: number
  nameOf: (nth: number) => string
}

/** Makes each page when it is asked for, so that what grows is the look. */
function pagedTarget(catalogue: Catalogue): Connector {
  const { connector } = recordingTarget()
  const pageAt = async (cursor: string | null): Promise<InventoryPage> => {
    catalogue.pages++
    const from = Number(cursor ?? 0)
    const count = Math.min(pageRows, catalogue.count - from)
    const found = Array.from({ length: count }, (_, i) => foundOf(catalogue.nameOf(from + i)))
    const next = from + count
    return { found, next: next < catalogue.count ? String(next) : null }
  }
  return {
    ...connector,
    open: (config, clock) => ({ ...connector.open(config, clock), inventory: pageAt }),
  }
}

function foundOf(name: string): Found {
  const details = { group: 'readers', region: 'eu-west' }
  const seen = { madeAt: null, lastUsedAt: null, details }
  return { id: name, kind: 'principal', name, ours: true, ...seen }
}

/** Made by the database itself: this process shall not have held them. */
async function addLeases(databaseUrl: string, work: AtWork): Promise<void> {
  const row = leaseRow(work, work.grant.endsAt)
  const prefix = prefixOf(work.running.world.installationId())
  const own: Record<string, string> = {
    id: `'ls_' || ${suffixSql}`,
    principal: `'${prefix}bench_' || ${suffixSql}`,
  }
  const names = Object.keys(columnsOf(row))
  const owner = new pg.Client({ connectionString: databaseUrl })
  await owner.connect()
  try {
    await owner.query(
      `insert into lease (${names.join(', ')})
       select ${names.map(name => own[name] ?? `r.${name}`).join(', ')}
       from jsonb_populate_record(null::lease, $1::jsonb) r, generate_series(0, $2::int - 1) n`,
      [JSON.stringify(columnsOf(row)), objects],
    )
    await owner.query('vacuum analyze lease')
  } finally {
    await owner.end()
  }
}

const suffixSql = `lpad(n::text, 26, '0')`
const suffixOf = (nth: number) => String(nth).padStart(26, '0')

async function measured(catalogue: Catalogue, look: () => Promise<string[]>) {
  catalogue.pages = 0
  let mostMb = settledMb()
  const watch = setInterval(() => (mostMb = Math.max(mostMb, rssMb())), sampleMs)
  const startedMs = performance.now()
  try {
    const strangers = (await look()).length
    mostMb = Math.max(mostMb, rssMb())
    const seconds = round3((performance.now() - startedMs) / 1000)
    return { seconds, pages: catalogue.pages, strangers, mostMb: round3(mostMb) }
  } finally {
    clearInterval(watch)
  }
}

/** Without what waits to be collected. */
function settledMb(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return rssMb()
}

function rssMb(): number {
  return process.memoryUsage.rss() / 1e6
}
