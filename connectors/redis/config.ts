/**
 * What a person writes to connect a Redis server, and to name keys of it: parsed once, with bounds.
 * No I/O.
 */
import { isIP } from 'node:net'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import { safeText } from '../../src/core/base/text.ts'

export type Account = { readonly user: string; readonly password: string }

export type RedisConfig = Account & {
  readonly host: string
  readonly port: number
  /** True: the system's certificate authorities; an object: this one only. */
  readonly tls: boolean | { readonly ca: string }
  /** Signs in where leases do and may do nothing. Without one the connector's own account serves. */
  readonly probe: Account
}

/** Keys and channels: exact, or everything that begins so (`crm:*`). */
export type Keys = { readonly keys: readonly string[]; readonly channels: readonly string[] }

const most = { passwordChars: 1024, caChars: 100_000, patterns: 20 }

/** Throws `Problem` `invalid-field`. Parsing its own result gives the same. */
export function parseConfig(input: Json): RedisConfig {
  const config = parseObject(input, 'connect', 'host port user password tls probe'.split(' '))
  const { host, port = 6379, tls, probe } = config
  const account = parseAccount(config, '')
  const isHost = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i
  if (typeof host !== 'string' || (isIP(host) === 0 && !isHost.test(host)))
    return refuse('host', '`host` must be a host name or an address, without port or path.')
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535)
    return refuse('port', '`port` must be a number from 1 to 65535.')
  const own =
    probe === undefined
      ? account
      : parseAccount(parseObject(probe, 'probe', ['user', 'password']), 'probe.')
  return { host, port, ...account, tls: parseTls(tls, host), probe: own }
}

/** Throws `Problem` `invalid-field`. */
export function parseKeys(input: Json): Keys {
  const { keys, channels = [] } = parseObject(input, 'object', ['keys', 'channels'])
  const parsed = parsePatterns(keys, 'keys')
  if (parsed.length === 0) refuse('keys', '`keys` names at least one key or beginning of keys.')
  return { keys: parsed, channels: parsePatterns(channels, 'channels') }
}

/**
 * ASCII that is no pattern to Redis, and one `*` at its end at most: what it means can be read off it.
 * Our own locks are keys too, which no lease may touch.
 */
function parsePatterns(value: Json | undefined, field: string): string[] {
  const own = `${product.targetPrefix}:`
  const isGood = (each: Json): each is string => {
    if (typeof each !== 'string' || !/^[a-z0-9_.:@/{}-]{3,128}\*?$/i.test(each)) return false
    const start = each.replace('*', '')
    return !own.startsWith(start) && !start.startsWith(own)
  }
  if (Array.isArray(value) && value.length <= most.patterns && value.every(isGood))
    return [...new Set(value)].sort()
  return refuse(
    field,
    `\`${field}\` must be at most ${most.patterns} names of 3 to 128 of A-Z, a-z, 0-9 and _.:@/{}-, which may end in *, and do not begin with ${own}`,
  )
}

function parseObject(value: Json, field: string, known: readonly string[]): JsonObject {
  const isObject = value !== null && typeof value === 'object' && !Array.isArray(value)
  const strange = isObject ? Object.keys(value).find(key => !known.includes(key)) : ''
  if (isObject && strange === undefined) return value as JsonObject
  const what = strange ? `\`${safeText(strange, 40)}\` is not known here; known:` : 'It has'
  return refuse(field, `\`${field}\` must be an object. ${what} ${known.join(', ')}.`)
}

function parseAccount({ user, password }: JsonObject, prefix: string): Account {
  if (typeof user !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(user))
    return refuse(`${prefix}user`, `\`${prefix}user\` must be the name of a user, without blanks.`)
  if (typeof password !== 'string' || password === '' || password.length > most.passwordChars)
    return refuse(`${prefix}password`, `\`${prefix}password\` must be the user's password.`)
  return { user, password }
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
  throw new Problem('invalid-field', { field, detail, next: 'See docs/connectors/redis.md.' })
}
