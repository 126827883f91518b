/**
 * What a person writes to connect a MariaDB server, and to name a table of it: parsed once, with
 * bounds. No I/O.
 */
import { isIP } from 'node:net'
import type { Json } from '../../src/core/base/json.ts'
import { safeText } from '../../src/core/base/text.ts'
import { refusing, type ServerConfig, serverMembers, serverReader } from '../rest/server.ts'

export type MysqlConfig = ServerConfig

export type TableName = { readonly database: string; readonly table: string }

const page = 'docs/connectors/mysql.md'
const most = { nameChars: 64 }
/** Case does not tell these from the server's own, whatever `lower_case_table_names` says. */
const ofServer = /^(mysql|information_schema|performance_schema|sys)$/i

const refuse = refusing(page)
const { parseObject, parseServer } = serverReader(page, { port: 3306 }, parseName)

/** Throws `Problem` `invalid-field`. Parsing its own result gives the same. */
export function parseConfig(input: Json): MysqlConfig {
  const config = parseServer(parseObject(input, 'connect', serverMembers))
  // The driver compares the certificate of an address with the name `localhost`.
  if (config.tls !== false && isIP(config.host) !== 0)
    refuse('host', 'With TLS, `host` must be the name in the certificate, not an address.')
  return config
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
