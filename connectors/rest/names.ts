/** Names of ours, as they reach systems that take them or something made of them. Pure. No longer than the
 * shortest that any takes: PostgreSQL cuts longer ones silently, and would then meet somebody else's. */
import { Problem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'

const longest = 63
const prefix = product.targetPrefix
const ours = new RegExp(`^${prefix}[go]?_[a-z0-9_]+$`)

/** Throws `Problem` `invalid-field` unless it is of our form. ATTACKER: the name. */
export function ourName(name: string): string {
  if (isOurName(name)) return name
  throw new Problem('invalid-field', {
    field: 'name',
    detail: `A name of ours is \`${prefix}_\`, \`${prefix}g_\` or \`${prefix}o_\` and then a-z, 0-9 and _, at most ${longest} bytes.`,
  })
}

/** Of all of them. */
export function requireNames(...all: readonly string[]): void {
  for (const name of all) ourName(name)
}

export function isOurName(name: string): boolean {
  return name.length <= longest && ours.test(name)
}

/** Of what a lease or a grant is there. */
export function kindOf(name: string): 'holder' | 'principal' {
  return name.startsWith(`${prefix}g_`) ? 'holder' : 'principal'
}
