/**
 * What an administrator runs once, in `redis-cli`. The documentation, the tests and our own error texts
 * all take it from here, so that what people read is what was run.
 */
import { product } from '../../src/core/base/product.ts'

const needed =
  'acl|list acl|getuser acl|setuser acl|deluser acl|save config|rewrite client|list client|kill info time set get del multi exec watch unwatch ping hello'

/** `password` is a word of Redis: `#` and the SHA-256 of one in hex, or `>` and the password. */
export function recipeText(names: { user: string; probe: string; password: string }): string {
  const { user, probe, password } = names
  const commands = needed.split(' ').map(name => `+${name}`)
  return [
    `ACL SETUSER ${user} reset on ${password} ~${product.targetPrefix}:lock:* -@all ${commands.join(' ')}`,
    `ACL SETUSER ${probe} reset on ${password} -@all +ping`,
  ].join('\n')
}
