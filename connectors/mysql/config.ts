/**
 * What a person writes to connect a MariaDB server, and to name a table of it: parsed once, with
 * bounds. No I/O.
 */
import { isIP } from 'node:net'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { safeText } from '../../src/core/base/text.ts'

export type Account = { readonly user: string; readonly password: string }

export type MysqlConfig = Account & {
  readonly host: string
  readonly port: number
  /** True: the system's certificate authorities; an object: this one only. */
  readonly tls: boolean | { readonly ca: string }
  /** Signs in where leases do and may do nothing. Without one the connector's own account serves. */
  readonly probe: Account
}

export type TableName = { readonly database: string; readonly table: string }

const members = 'host port user password tls probe'.split(' ')
const most = { passwordChars: 1024, caChars: 100_000, nameChars: 64 }
/** Case does not tell these from the server's own, whatever `lower_case_table_names` says. */
const ofServer = /^(mysql|information_schema|performance_schema|sys)$/i

/** Throws `Problem` `invalid-field`. Parsing its own result gives the same. */
export function parseConfig(input: Json): MysqlConfig {
  const config = parseObject(input, 'connect', members)
  const host = parseHost(config['host'])
  const account = parseAccount(config, '')
  const { probe } = config
  const tls = parseTls(config['tls'], host)
  // The driver compares the certificate of an address with the name `localhost`.
  if (tls !== false && isIP(host) !== 0)
    refuse('host', 'With TLS, `host` must be the name in the certificate, not an address.')
  return {
    host,
    port: parsePort(config['port']),
    ...account,
    tls,
    probe:
      probe === undefined
        ? account
        : parseAccount(parseObject(probe, 'probe', ['user', 'password']), 'probe.'),
  }
}

export function parseTable(input: Json): TableName {
  const object = parseObject(input, 'object', ['database', 'table'])
  const database = parseName(object['database'], 'database')
  if (ofServer.test(database))
    refuse('database', 'The databases of the server itself can not be handed out.')
  return { database, table: parseName(object['table'], 'table') }
}

/** Any name the server can hold whole and a person can read: it only ever stands between back-ticks. */
export function parseName(value: Json | undefined, field: string): string {
  if (typeof value === 'string' && value !== '' && safeText(value) === value)
    if ([...value].length <= most.nameChars && !value.endsWith(' ')) return value
  const bound = `1 to ${most.nameChars} characters, none of them invisible`
  return refuse(field, `\`${field}\` must be a name of ${bound}.`)
}

function parseObject(value: Json, field: string, known: readonly string[]): JsonObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return refuse(field, `\`${field}\` must be an object with ${known.join(', ')}.`)
  const object = value as JsonObject
  const strange = Object.keys(object).find(key => !known.includes(key))
  if (strange === undefined) return object
  const shown = safeText(strange, 40)
  return refuse(field, `\`${shown}\` is not known here; known: ${known.join(', ')}.`)
}

function parseHost(value: Json | undefined): string {
  if (typeof value === 'string')
    if (isIP(value) !== 0 || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(value)) return value
  return refuse('host', '`host` must be a host name or an address, without port or path.')
}

function parsePort(value: Json | undefined): number {
  if (value === undefined) return 3306
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536)
    return value
  return refuse('port', '`port` must be a number from 1 to 65535.')
}

function parseAccount(from: JsonObject, prefix: string): Account {
  const { password } = from
  if (typeof password !== 'string' || password === '' || password.length > most.passwordChars)
    return refuse(`${prefix}password`, `\`${prefix}password\` must be the account's password.`)
  return { user: parseName(from['user'], `${prefix}user`), password }
}

/** Off this machine TLS is on unless a person says no in so many words. */
function parseTls(value: Json | undefined, host: string): boolean | { ca: string } {
  if (value === undefined) return !/^(localhost|::1|127[.0-9]+)$/.test(host)
  if (typeof value === 'boolean') return value
  const { ca } = parseObject(value, 'tls', ['ca'])
  if (typeof ca === 'string' && ca.length <= most.caChars && ca.includes('BEGIN CERTIFICATE'))
    return { ca }
  return refuse('tls', '`tls` must be true, false, or {"ca": "<certificate, PEM>"}.')
}

function refuse(field: string, detail: string): never {
  throw new Problem('invalid-field', { field, detail, next: 'See docs/connectors/mysql.md.' })
}
