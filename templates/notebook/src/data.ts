/**
 * The rows of this app's resource. Real where `leasehold` opened a door for this command, else synthetic, and always
 * said which. INVARIANT: a refusal is shown as one; synthetic rows never stand in for real ones that were refused.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { connect, Refused, type Row } from './postgres.ts'
import { syntheticRows } from './synthetic.ts'

export interface Data {
  readonly kind: 'real' | 'synthetic' | 'refused'
  readonly resource: string
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
  /** What refused it, in its words. */
  readonly says: string
}

const file = new URL('../synthetic/columns.json', import.meta.url)
const mostRows = 100
/** A lease is exchanged for its next one: what breaks then is whole again this soon. */
const againMs = [100, 300, 900]

export async function loadData(env: NodeJS.ProcessEnv): Promise<Data> {
  const { resource, columns } = JSON.parse(readFileSync(file, 'utf8')) as Pick<
    Data,
    'resource' | 'columns'
  >
  const address = env['DATABASE_URL']
  const none = { resource, columns, rows: [], says: '' }
  if (!address) return { ...none, kind: 'synthetic', rows: syntheticRows(columns, 20) }
  for (const ms of [...againMs, 0])
    try {
      const rows = await readRows(address, resource)
      return { ...none, kind: 'real', columns: Object.keys(rows[0] ?? {}), rows }
    } catch (error) {
      if (ms > 0 && isPassing(error)) await wait(ms)
      else return { ...none, kind: 'refused', says: error instanceof Error ? error.message : '' }
    }
  return { ...none, kind: 'refused' }
}

/** Lost on the way, in contrast to refused. */
function isPassing(error: unknown): boolean {
  return !(error instanceof Refused) || /^(08|57P03)/.test(error.code)
}

/** What may be read of it is what the database shows of its columns to who is let in. */
async function readRows(address: string, resource: string): Promise<Row[]> {
  const table = (resource.split('.').at(-1) ?? '').replaceAll('-', '_')
  const database = await connect(address)
  try {
    const seen = await database.ask(
      `select table_schema, column_name from information_schema.columns
       where table_name = ${quoted(table, "'")} order by table_schema, ordinal_position`,
    )
    const schema = seen[0]?.['table_schema'] ?? ''
    const mine = seen.filter(each => each['table_schema'] === schema)
    if (mine.length === 0)
      throw new Refused('42501', `Nothing of ${resource} may be read with this access.`)
    const names = mine.map(each => quoted(each['column_name'] ?? '', '"'))
    const from = `${quoted(schema, '"')}.${quoted(table, '"')}`
    return await database.ask(`select ${names.join(', ')} from ${from} limit ${mostRows}`)
  } finally {
    database.close()
  }
}

function quoted(text: string, mark: string): string {
  return mark + text.replaceAll(mark, mark + mark) + mark
}
