/**
 * What a person writes to connect a PostgreSQL server, and to name a table of it: parsed once, with
 * bounds. No I/O.
 */
import type { Json } from '../../src/core/base/json.ts'
import { safeText } from '../../src/core/base/text.ts'
import { refusing, type ServerConfig, serverMembers, serverReader } from '../rest/server.ts'

export type PostgresConfig = ServerConfig & {
  /** Where roles are administered and our locks are taken. One for all replicas. */
  readonly database: string
  /** Further databases whose tables may be handed out; the preflight looks at each. */
  readonly databases: readonly string[]
}

export type TableName = {
  readonly database: string
  readonly schema: string
  readonly table: string
}

const page = 'docs/connectors/postgres.md'
const most = { databases: 50 }
const refuse = refusing(page)
const { parseObject, parseServer } = serverReader(page, { port: 5432 }, parseName)

/** Throws `Problem` `invalid-field`. Parsing its own result gives the same. */
export function parseConfig(input: Json): PostgresConfig {
  const members = [...serverMembers, 'database', 'databases']
  const { database, databases, ...server } = parseObject(input, 'connect', members)
  return {
    ...parseServer(server),
    database: parseName(database, 'database'),
    databases: parseDatabases(databases),
  }
}

export function parseTable(input: Json): TableName {
  const object = parseObject(input, 'object', ['database', 'schema', 'table'])
  const schema = parseName(object['schema'], 'schema')
  if (/^(pg_|information_schema$)/.test(schema))
    refuse('schema', 'The schemas of the server itself can not be handed out.')
  return {
    database: parseName(object['database'], 'database'),
    schema,
    table: parseName(object['table'], 'table'),
  }
}

/** Any name PostgreSQL can hold whole and a person can read: it is only ever quoted by the server. */
export function parseName(value: Json | undefined, field: string): string {
  if (typeof value === 'string' && value !== '' && safeText(value) === value)
    if (Buffer.byteLength(value) <= 63) return value
  return refuse(field, `\`${field}\` must be a name of 1 to 63 bytes without invisible characters.`)
}

function parseDatabases(value: Json | undefined): string[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length > most.databases)
    return refuse('databases', `\`databases\` must be a list of at most ${most.databases} names.`)
  return value.map((name: Json) => parseName(name, 'databases'))
}
