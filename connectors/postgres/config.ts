/**
 * What a person writes to connect a PostgreSQL server, and to name a table of it: parsed once, with
 * bounds. No I/O.
 */
import { isIP } from 'node:net'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { safeText } from '../../src/core/base/text.ts'

export type Account = { readonly user: string; readonly password: string }

export type PostgresConfig = Account & {
  readonly host: string
  readonly port: number
  /** Where roles are administered and our locks are taken. One for all replicas. */
  readonly database: string
  /** Further databases whose tables may be handed out; the preflight looks at each. */
  readonly databases: readonly string[]
  /** True: the system's certificate authorities; an object: this one only. */
  readonly tls: boolean | { readonly ca: string }
  /** Signs in where leases do and may do nothing. Without one the connector's own account serves. */
  readonly probe: Account
}

export type TableName = {
  readonly database: string
  readonly schema: string
  readonly table: string
}

const members = 'host port database user password tls databases probe'.split(' ')
const most = { databases: 50, passwordChars: 1024, caChars: 100_000 }

/** Throws `Problem` `invalid-field`. Parsing its own result gives the same. */
export function parseConfig(input: Json): PostgresConfig {
  const config = parseObject(input, 'connect', members)
  const host = parseHost(config['host'])
  const account = parseAccount(config, '')
  const probe = config['probe']
  return {
    host,
    port: parsePort(config['port']),
    database: parseName(config['database'], 'database'),
    ...account,
    tls: parseTls(config['tls'], host),
    databases: parseDatabases(config['databases']),
    probe:
      probe === undefined
        ? account
        : parseAccount(parseObject(probe, 'probe', ['user', 'password']), 'probe.'),
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

function parseObject(value: Json, field: string, known: readonly string[]): JsonObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return refuse(field, `\`${field}\` must be an object with ${known.join(', ')}.`)
  const object = value as JsonObject
  const strange = Object.keys(object).find(key => !known.includes(key))
  if (strange === undefined) return object
  return refuse(
    field,
    `\`${safeText(strange, 40)}\` is not known here; known: ${known.join(', ')}.`,
  )
}

/** ATTACKER: a path would be a socket file, where the server may ask for no password at all. */
function parseHost(value: Json | undefined): string {
  if (typeof value === 'string')
    if (isIP(value) !== 0 || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(value)) return value
  return refuse('host', '`host` must be a host name or an address, without port or path.')
}

function parsePort(value: Json | undefined): number {
  if (value === undefined) return 5432
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536)
    return value
  return refuse('port', '`port` must be a number from 1 to 65535.')
}

function parseAccount(from: JsonObject, prefix: string): Account {
  const password = from['password']
  if (typeof password !== 'string' || password === '' || password.length > most.passwordChars)
    return refuse(`${prefix}password`, `\`${prefix}password\` must be the role's password.`)
  return { user: parseName(from['user'], `${prefix}user`), password }
}

/** Off this machine TLS is on unless a person says no in so many words. */
function parseTls(value: Json | undefined, host: string): boolean | { ca: string } {
  if (value === undefined) return !isLoopback(host)
  if (typeof value === 'boolean') return value
  const ca = parseObject(value, 'tls', ['ca'])['ca']
  if (typeof ca === 'string' && ca.length <= most.caChars && ca.includes('BEGIN CERTIFICATE'))
    return { ca }
  return refuse('tls', '`tls` must be true, false, or {"ca": "<certificate, PEM>"}.')
}

function parseDatabases(value: Json | undefined): string[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length > most.databases)
    return refuse('databases', `\`databases\` must be a list of at most ${most.databases} names.`)
  return value.map((name: Json) => parseName(name, 'databases'))
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function refuse(field: string, detail: string): never {
  throw new Problem('invalid-field', {
    field,
    detail,
    next: 'See docs/connectors/postgres.md.',
  })
}
