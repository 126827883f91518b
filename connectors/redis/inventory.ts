/** Every user at the server, whoever made it. Paged by name. */
import { limits } from '../../src/core/base/limits.ts'
import { product } from '../../src/core/base/product.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'
import { bounds, type Call } from './links.ts'
import type { User } from './rules.ts'
import { listUsers } from './users.ts'

/** `cursor` is the last name of the page before. Redis knows neither maker nor use of a user. */
export async function inventory(
  call: Pick<Call, 'use'>,
  cursor: string | null,
): Promise<InventoryPage> {
  const users = (await call.use(listUsers))
    .filter(({ name }) => cursor === null || name > cursor)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const page = users.slice(0, limits.pageRows)
  const isMore = users.length > page.length
  return { found: page.map(foundOf), next: isMore ? (page.at(-1)?.name ?? null) : null }
}

function foundOf({ name, isOn, hasNoPassword, rules }: User): Found {
  const ours = name.includes('_') ? kinds.get(name.split('_')[0] ?? '') : undefined
  const keys = rules.filter(rule => /^[~%(]/.test(rule))
  return {
    id: name,
    kind: ours ?? 'account',
    name,
    ours: ours !== undefined,
    madeAt: null,
    lastUsedAt: null,
    details: {
      canSignIn: isOn,
      asksPassword: !hasNoPassword,
      mayEverything: rules.includes('+@all'),
      keys: keys.slice(0, bounds.named),
    },
  }
}

const kinds = new Map<string, Found['kind']>([
  [product.targetPrefix, 'principal'],
  [`${product.targetPrefix}g`, 'holder'],
  [`${product.targetPrefix}o`, 'owner'],
])
