/** The ids of service accounts that stand for names of ours. Pure. */
import { sha256 } from '../../src/core/base/hash.ts'
import { ourName } from '../rest/names.ts'

const longest = 30

/**
 * Google takes 6 to 30 of a-z, 0-9 and `-` (RFC 1035), which our names do not fit: it is made of their
 * hash, and the whole name stands in `displayName`. ATTACKER: the name.
 */
export function accountId(name: string): string {
  const kind = ourName(name).slice(0, name.indexOf('_'))
  return `${kind}-${sha256(name).toString('hex')}`.slice(0, longest)
}
