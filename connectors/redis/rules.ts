/**
 * Names and rules of Redis users. Pure.
 *
 * INVARIANT: a lease's keys are patterns with a beginning; it never may a command that administers, is
 * dangerous, runs scripts, or looks at keys without naming them.
 */
import { hash } from 'node:crypto'
import { sha256Hex } from '../../src/core/base/hash.ts'
import type { DataAction } from '../../src/core/base/permit.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import type { HolderOrder } from '../../src/core/target/target.ts'
import { parseKeys } from './config.ts'

/** What the server keeps of a secret: the secret itself is never sent but to sign in. */
export function secretRule(secret: string): string {
  return `#${sha256Hex(secret)}`
}

/**
 * A word kept at a user, who has no other place for one: it stands where hashes of passwords stand. It
 * is no SHA-256 of anything that anybody knows, so nobody can sign in by it.
 */
export function markRule(word: string): string {
  return `#${hash('sha512', `${product.targetPrefix} mark ${word}`, 'hex').slice(0, 64)}`
}

const fromNothing = ['resetkeys', 'resetchannels', 'clearselectors', '-@all']
const connecting = 'hello ping echo quit multi exec discard watch unwatch client|id client|setname'
/** Of @read, what tells of keys that are not named; of @write, what reaches other databases. */
const reaching = 'scan randomkey dbsize keys lolwut move copy'
/** What takes away. Whoever may write may also put something else in its place. */
const removing =
  'del unlink getdel getex expire pexpire expireat pexpireat rename renamenx hdel lrem ltrim lpop rpop lmpop blpop brpop blmpop rpoplpush brpoplpush lmove blmove spop srem smove xdel xtrim xgroup|destroy xgroup|delconsumer zrem zremrangebylex zremrangebyrank zremrangebyscore zpopmin zpopmax bzpopmin bzpopmax zmpop bzmpop'
const listening = 'subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe'

/**
 * Commands, keys and channels, from nothing. `columns` of a grant pick some of the resource's keys, and
 * then no channel. Throws `Problem` `invalid-field` for what a Redis user has no rule for.
 */
export function rulesOf(order: Pick<HolderOrder, 'object' | 'actions' | 'columns'>): string[] {
  const object = parseKeys(order.object)
  const may = new Set<DataAction>(order.actions)
  for (const action of may)
    if (!['read', 'write', 'destroy'].includes(action))
      refuse('actions', `Redis has no rule for \`${action}\`; it has read, write and destroy.`)
  const [reads, writes, destroys] = [may.has('read'), may.has('write'), may.has('destroy')]
  if (order.columns.some(column => !object.keys.includes(column)))
    refuse('columns', 'For Redis, `columns` are some of the keys of the resource.')
  const keys = order.columns.length > 0 ? [...new Set(order.columns)].sort() : object.keys
  const channels = order.columns.length > 0 ? [] : object.channels
  const on = `%${reads ? 'R' : ''}${writes || destroys ? 'W' : ''}~`
  const each = (sign: string, commands: string) => commands.split(' ').map(name => sign + name)
  const isMore = channels.length > 0
  return [
    ...fromNothing,
    ...(reads ? ['+@read'] : []),
    ...(writes ? ['+@write'] : []),
    ...each('-', `@dangerous @admin @scripting ${reaching}`),
    ...each(destroys ? '+' : '-', removing),
    ...(isMore && reads ? each('+', listening) : []),
    ...(isMore && writes ? each('+', 'publish spublish') : []),
    ...each('+', connecting),
    ...(may.size > 0 ? keys.map(key => on + key) : []),
    ...(may.size > 0 ? channels.map(channel => `&${channel}`) : []),
  ]
}

/** One line of `ACL LIST`. */
export interface User {
  readonly name: string
  readonly isOn: boolean
  readonly hasNoPassword: boolean
  /** As `#…`, marks among them. */
  readonly hashes: readonly string[]
  /** Patterns and commands, as the server writes them. */
  readonly rules: readonly string[]
}

export function parseUser(line: string): User {
  const [, name = '', ...words] = line.split(' ')
  return {
    name,
    isOn: words.includes('on'),
    hasNoPassword: words.includes('nopass'),
    hashes: words.filter(word => word.startsWith('#')),
    rules: words.filter(word => /^[~&%+(-]/.test(word)),
  }
}

function refuse(field: string, detail: string): never {
  throw new Problem('invalid-field', { field, detail, next: 'See docs/connectors/redis.md.' })
}
