/**
 * The SQL a database administrator runs once, and once more per table. The documentation, the demo,
 * the tests and our own error texts all take it from here, so that what people read is what was run.
 */
import pg from 'pg'
import type { DataAction } from '../../src/core/base/permit.ts'
import type { TableName } from './config.ts'
import { type Right, wantedRights } from './rights.ts'

export interface Recipe {
  /** The connector's own role. */
  readonly user: string
  /** Signs in where leases do, may do nothing. */
  readonly probe: string
  /** Databases whose tables may be handed out; the first is the administered one. */
  readonly databases: readonly string[]
}

/** Roles: run once per server, in any database, as a superuser. Passwords are set apart. */
export function recipeSql(recipe: Recipe): string {
  const [user, probe] = [quote(recipe.user), quote(recipe.probe)]
  const lines = [
    `create role ${user} login nosuperuser nocreatedb createrole noreplication nobypassrls;`,
    `create role ${probe} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 20;`,
    `grant pg_signal_backend to ${user};`,
  ]
  for (const database of recipe.databases) {
    lines.push(`grant connect on database ${quote(database)} to ${user} with grant option;`)
    lines.push(`grant connect on database ${quote(database)} to ${probe};`)
  }
  return lines.join('\n')
}

/**
 * One table: run in its database by its owner. The connector can hand out these rights and no
 * others; PostgreSQL lets nobody hand out what they do not have, so it has them itself.
 */
export function tableSql(user: string, table: TableName, actions: readonly DataAction[]): string {
  const { rights } = wantedRights({ object: table, actions, columns: [] })
  const here = rights.filter(right => right.kind !== 'database')
  return handOutSql(user, table, here)
}

/** The grants that let `user` hand out `rights`. */
export function handOutSql(user: string, table: TableName, rights: readonly Right[]): string {
  const place = {
    database: `database ${quote(table.database)}`,
    schema: `schema ${quote(table.schema)}`,
    table: `table ${quote(table.schema)}.${quote(table.table)}`,
  }
  const lines = rights.map(({ kind, privilege, column }) => {
    const words = `${privilege.toLowerCase()}${column === null ? '' : ` (${quote(column)})`}`
    return `grant ${words} on ${place[kind]} to ${quote(user)} with grant option;`
  })
  return [...new Set(lines)].join('\n')
}

/** Read by people and run by them: plain where plain is certain, quoted where it is not. */
function quote(name: string): string {
  return pg.escapeIdentifier(name)
}
