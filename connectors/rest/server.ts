/**
 * What a person writes to connect a server with accounts, which databases have alike: where it is, our
 * own account there, TLS, and an account that may do nothing. Parsed once, with bounds. No I/O.
 */
import { isIP } from 'node:net'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { safeText } from '../../src/core/base/text.ts'

const most = { passwordChars: 1024, caChars: 100_000 }

export type Account = { readonly user: string; readonly password: string }

export type ServerConfig = Account & {
  readonly host: string
  readonly port: number
  /** True: the system's certificate authorities; an object: this one only. */
  readonly tls: boolean | { readonly ca: string }
  /** Signs in where leases do and may do nothing. Without one the connector's own account serves. */
  readonly probe: Account
}

/** Of a name there. Throws `Problem` `invalid-field`. */
export type ParseName = (value: Json | undefined, field: string) => string

export const serverMembers = 'host port user password tls probe'.split(' ')

/** `page` is where it is told what may stand there. Each throws `Problem` `invalid-field`. */
export function serverReader(page: string, { port: own }: { port: number }, parseUser: ParseName) {
  const refuse = refusing(page)

  function parseObject(value: Json, field: string, known: readonly string[]): JsonObject {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      return refuse(field, `\`${field}\` must be an object with ${known.join(', ')}.`)
    const strange = Object.keys(value).find(key => !known.includes(key))
    if (strange === undefined) return value as JsonObject
    const shown = safeText(strange, 40)
    return refuse(field, `\`${shown}\` is not known here; known: ${known.join(', ')}.`)
  }

  /** ATTACKER: a path would be a socket file, where the server may ask for no password at all. */
  function parseHost(value: Json | undefined): string {
    if (typeof value === 'string')
      if (isIP(value) !== 0 || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(value)) return value
    return refuse('host', '`host` must be a host name or an address, without port or path.')
  }

  function parsePort(value: Json = own): number {
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536)
      return value
    return refuse('port', '`port` must be a number from 1 to 65535.')
  }

  function parseAccount({ user, password }: JsonObject, prefix = ''): Account {
    if (typeof password === 'string' && password !== '' && password.length <= most.passwordChars)
      return { user: parseUser(user, `${prefix}user`), password }
    return refuse(`${prefix}password`, `\`${prefix}password\` must be the account's password.`)
  }

  /** Off this machine TLS is on unless a person says no in so many words. */
  function parseTls(value: Json | undefined, host: string): ServerConfig['tls'] {
    if (value === undefined) return !/^(localhost|::1|127(\.\d{1,3}){3})$/.test(host)
    if (typeof value === 'boolean') return value
    const { ca } = parseObject(value, 'tls', ['ca'])
    if (typeof ca === 'string' && ca.length <= most.caChars && ca.includes('BEGIN CERTIFICATE'))
      return { ca }
    return refuse('tls', '`tls` must be true, false, or {"ca": "<certificate, PEM>"}.')
  }

  function parseServer({ host: at, port, tls, probe, ...rest }: JsonObject): ServerConfig {
    const host = parseHost(at)
    const account = parseAccount(rest)
    const other = () => parseObject(probe ?? null, 'probe', ['user', 'password'])
    return {
      host,
      port: parsePort(port),
      ...account,
      tls: parseTls(tls, host),
      probe: probe === undefined ? account : parseAccount(other(), 'probe.'),
    }
  }

  return { parseObject, parseServer }
}

/** What a person wrote is not what may stand there. */
export function refusing(page: string) {
  return (field: string, detail: string): never => {
    throw new Problem('invalid-field', { field, detail, next: `See ${page}.` })
  }
}
