/**
 * Which rights of MariaDB a grant means, and how they differ from what is there. Pure.
 *
 * INVARIANT: what can not be said exactly is refused, never rounded up. A grant that names columns
 * bounds writing by them as well: nobody agreed to let the others be overwritten.
 */
import type { DataAction } from '../../src/core/base/permit.ts'
import { Problem } from '../../src/core/base/problem.ts'
import type { HolderOrder } from '../../src/core/target/target.ts'
import { quote, roleName } from './accounts.ts'
import { parseName, parseTable, type TableName } from './config.ts'

/** On the one table of the grant. `column` empty: the whole table. */
export interface Right {
  readonly privilege: string
  readonly column: string
}

/** A row of the server's tables of rights: `place` is empty for what holds everywhere. */
export interface Found {
  readonly kind: 'role' | 'table' | 'column' | 'other'
  readonly place: string
  readonly name: string
  readonly column: string
  readonly privileges: string
}

export interface Wanted {
  readonly table: TableName
  readonly rights: readonly Right[]
}

const privileges = new Map<DataAction, readonly string[]>([
  ['read', ['select']],
  ['write', ['insert', 'update']],
  ['destroy', ['delete']],
])
/** Rights that the server knows for columns. */
const byColumn = new Set(['select', 'insert', 'update'])
const handedOut = new Set([...privileges.values()].flat())

/** Throws `Problem` `invalid-field` for what a table has no right for. */
export function wantedRights(order: Pick<HolderOrder, 'object' | 'actions' | 'columns'>): Wanted {
  const table = parseTable(order.object)
  const columns = [...new Set(order.columns)].map(column => parseName(column, 'columns'))
  const rights: Right[] = []
  for (const action of new Set(order.actions)) {
    for (const privilege of privileges.get(action) ?? refuse(action)) {
      const isBounded = columns.length > 0 && byColumn.has(privilege)
      for (const column of isBounded ? columns : ['']) rights.push({ privilege, column })
    }
  }
  return { table, rights }
}

/** `surplus` is on this table and of a kind we hand out; `strange` is everything else, in words. */
export function compareRights({ table, rights }: Wanted, found: readonly Found[]) {
  const have = new Map<string, Right>()
  const strange: string[] = []
  for (const row of found) {
    const isHere = row.place === table.database && row.name === table.table
    for (const privilege of row.privileges.toLowerCase().split(',')) {
      const right = { privilege, column: row.column }
      if (row.kind !== 'other' && isHere && handedOut.has(privilege)) have.set(keyOf(right), right)
      else strange.push([nameRight(right), row.place, row.name].filter(Boolean).join(' '))
    }
  }
  const want = new Set(rights.map(keyOf))
  return {
    missing: rights.filter(each => !have.has(keyOf(each))),
    surplus: [...have].flatMap(([key, right]) => (want.has(key) ? [] : [right])),
    strange,
  }
}

/** Makes the rights those wanted. Surplus goes first: taking one of a table takes it of each column. */
export function changeText(holder: string, wanted: Wanted, surplus: readonly Right[]): string {
  const place = `${quote(wanted.table.database)}.${quote(wanted.table.table)}`
  const say = (verb: string, right: Right, to: string) =>
    `${verb} ${right.privilege}${right.column && ` (${quote(right.column)})`} on ${place} ${to} ${roleName(holder)};`
  return [
    ...surplus.map(each => say('revoke', each, 'from')),
    ...wanted.rights.map(each => say('grant', each, 'to')),
  ].join(' ')
}

/** For people: `select (name)`. */
export function nameRight({ privilege, column }: Right): string {
  return column === '' ? privilege : `${privilege} (${column})`
}

function keyOf({ privilege, column }: Right): string {
  return `${privilege} ${column}`
}

function refuse(action: DataAction): never {
  throw new Problem('invalid-field', {
    field: 'actions',
    detail: `A table has no right for \`${action}\`; it has read, write and destroy.`,
    next: 'Ask for another action.',
  })
}
