/**
 * What a person writes to connect a Redis server, and to name keys of it: parsed once, with bounds.
 * No I/O.
 */
import type { Json } from '../../src/core/base/json.ts'
import { product } from '../../src/core/base/product.ts'
import { refusing, type ServerConfig, serverMembers, serverReader } from '../rest/server.ts'

export type RedisConfig = ServerConfig

/** Keys and channels: exact, or everything that begins so (`crm:*`). */
export type Keys = { readonly keys: readonly string[]; readonly channels: readonly string[] }

const page = 'docs/connectors/redis.md'
const most = { patterns: 20 }
const refuse = refusing(page)
const { parseObject, parseServer } = serverReader(page, { port: 6379 }, parseUser)

/** Throws `Problem` `invalid-field`. Parsing its own result gives the same. */
export function parseConfig(input: Json): RedisConfig {
  return parseServer(parseObject(input, 'connect', serverMembers))
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

function parseUser(value: Json | undefined, field: string): string {
  if (typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value)) return value
  return refuse(field, `\`${field}\` must be the name of a user, without blanks.`)
}
