/**
 * Which rights of PostgreSQL a grant means, and how they differ from what is there. Pure.
 *
 * INVARIANT: what can not be said exactly is refused, never rounded up. A grant that names columns
 * bounds writing by them as well: nobody agreed to let the others be overwritten.
 */
import type { DataAction } from '../../src/core/base/permit.ts'
import { Problem } from '../../src/core/base/problem.ts'
import type { HolderOrder } from '../../src/core/target/target.ts'
import { parseName, parseTable, type TableName } from './config.ts'

/** As the server lists them; `column` null: the whole table. */
export interface Right {
  readonly kind: 'database' | 'schema' | 'table'
  readonly privilege: string
  readonly column: string | null
  /** Somebody let it be handed on, which we never do. */
  readonly isGrantable: boolean
}

export interface Wanted {
  readonly table: TableName
  readonly rights: readonly Right[]
}

const privileges = new Map<DataAction, readonly string[]>([
  ['read', ['SELECT']],
  ['write', ['INSERT', 'UPDATE']],
  ['destroy', ['DELETE']],
])
/** Rights that PostgreSQL knows for columns. */
const byColumn = new Set(['SELECT', 'INSERT', 'UPDATE'])

/** Throws `Problem` `invalid-field` for what a table has no right for. */
export function wantedRights(order: Pick<HolderOrder, 'object' | 'actions' | 'columns'>): Wanted {
  const table = parseTable(order.object)
  const columns = [...new Set(order.columns)].map(column => parseName(column, 'columns'))
  const rights = [right('database', 'CONNECT', null), right('schema', 'USAGE', null)]
  for (const action of new Set(order.actions)) {
    for (const privilege of privileges.get(action) ?? refuse(action)) {
      const isBounded = columns.length > 0 && byColumn.has(privilege)
      for (const column of isBounded ? columns : [null])
        rights.push(right('table', privilege, column))
    }
  }
  return { table, rights }
}

export function compareRights(wanted: readonly Right[], found: readonly Right[]) {
  const keys = (rights: readonly Right[]) => new Set(rights.map(keyOf))
  const [want, have] = [keys(wanted), keys(found)]
  return {
    missing: wanted.filter(each => !have.has(keyOf(each))),
    surplus: found.filter(each => !want.has(keyOf(each))),
  }
}

/** For people: `SELECT (name)`. */
export function nameRight(right: Right): string {
  const column = right.column === null ? '' : ` (${right.column})`
  return `${right.privilege}${column}${right.isGrantable ? ' with grant option' : ''}`
}

/**
 * Statements that make the rights of `holder` exactly those wanted, as a pattern for `format()` at
 * the server and its arguments: names of other people's things are quoted there. What is surplus goes
 * first, since taking a right on a table takes it on each column as well.
 */
export function rightsPattern(
  holder: string,
  wanted: Wanted,
  surplus: readonly Right[],
): { readonly pattern: string; readonly names: readonly string[] } {
  const { database, schema, table } = wanted.table
  const names: string[] = []
  const hole = (name: string) => {
    names.push(name)
    return '%I'
  }
  const place = {
    database: () => `database ${hole(database)}`,
    schema: () => `schema ${hole(schema)}`,
    table: () => `table ${hole(schema)}.${hole(table)}`,
  }
  const say = (verb: string, { kind, privilege, column }: Right, to: string) => {
    const what = `${privilege}${column === null ? '' : ` (${hole(column)})`}`
    return `${verb} ${what} on ${place[kind]()} ${to} ${hole(holder)}`
  }
  const statements = [
    ...surplus.map(each => say('revoke', each, 'from')),
    ...wanted.rights.map(each => say('grant', each, 'to')),
  ]
  return { pattern: statements.join('; '), names }
}

function right(kind: Right['kind'], privilege: string, column: string | null): Right {
  return { kind, privilege, column, isGrantable: false }
}

function keyOf(right: Right): string {
  return `${right.kind} ${right.privilege} ${right.isGrantable} ${right.column ?? ''}`
}

function refuse(action: DataAction): never {
  throw new Problem('invalid-field', {
    field: 'actions',
    detail: `A PostgreSQL table has no right for \`${action}\`; it has read, write and destroy.`,
    next: 'Ask for another action.',
  })
}
