/** Names of ours, and the ids of service accounts that stand for them. Pure. */
import { sha256 } from '../../src/core/base/hash.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'

const longest = { name: 63, id: 30 }
const prefix = product.targetPrefix
const ours = new RegExp(`^${prefix}[go]?_[a-z0-9_]+$`)

/** Throws `Problem` `invalid-field` unless it is of our form. ATTACKER: the name. */
export function ourName(name: string): string {
  if (isOurName(name)) return name
  throw new Problem('invalid-field', {
    field: 'name',
    detail: `A name of ours is \`${prefix}_\`, \`${prefix}g_\` or \`${prefix}o_\` and then a-z, 0-9 and _, at most ${longest.name} bytes.`,
  })
}

export function isOurName(name: string): boolean {
  return name.length <= longest.name && ours.test(name)
}

/**
 * Google takes 6 to 30 of a-z, 0-9 and `-` (RFC 1035), which our names do not fit: it is made of their
 * hash, and the whole name stands in `displayName`.
 */
export function accountId(name: string): string {
  const kind = ourName(name).slice(0, name.indexOf('_'))
  return `${kind}-${sha256(name).toString('hex')}`.slice(0, longest.id)
}
