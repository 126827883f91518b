/**
 * Who can sign in there, and by what: users with their tokens, keys and workload identities, then roles.
 * Whatever made them. A page is a few users, since each one's credentials are asked for by themselves.
 */
import { z } from 'zod'
import { parseJson } from '../../src/core/base/json.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'
import { type Account, instantOf, type Row, tokensOf } from './account.ts'
import { ourNameOf, quote, text } from './names.ts'

const most = { perPage: 50, cursorChars: 2_000 }
/** The list, and the last name that was read of it. */
const cursorShape = z.tuple([z.enum(['USERS', 'ROLES']), z.string()])
type Unseen = NonNullable<InventoryPage['unseen']>[number]

export async function inventory(
  account: Account,
  cursor: string | null,
  signal: AbortSignal,
): Promise<InventoryPage> {
  const [list, after] = cursor === null ? (['USERS', ''] as const) : parseCursor(cursor)
  const from = after === '' ? '' : ` FROM ${text(after)}`
  const rows = await account.run(`SHOW ${list} LIMIT ${most.perPage + 1}${from}`, signal)
  const isUsers = list === 'USERS'
  const found: Found[] = []
  const unseen = cursor === null ? await hiddenUsers(account, signal) : []
  // Where it begins with the name itself, that was told before.
  const page = rows.filter(row => row['name'] !== after)
  for (const row of page) {
    found.push(isUsers ? userOf(row) : roleOf(row))
    if (isUsers) found.push(...(await credentialsOf(account, row, { signal, unseen })))
  }
  const last = page.at(-1)?.['name'] ?? ''
  const isMore = rows.length > most.perPage && last !== ''
  const next = isMore ? [list, last] : isUsers ? ['ROLES', ''] : null
  const told = next === null ? null : JSON.stringify(next)
  return { found, next: told, ...(unseen.length > 0 && { unseen }) }
}

/** Who may not see all is shown some, and is not told so. */
async function hiddenUsers({ config, run }: Account, signal: AbortSignal): Promise<Unseen[]> {
  const rights = await run(`SHOW GRANTS TO ROLE ${quote(config.role)}`, signal)
  if (rights.some(row => row['privilege'] === 'MANAGE GRANTS')) return []
  return [{ what: 'users and roles of others', needs: 'MANAGE GRANTS on the account' }]
}

function userOf(row: Row): Found {
  const { type = null, disabled, has_password: hasPassword } = row
  const details = { type, isDisabled: disabled === 'true', hasPassword: hasPassword === 'true' }
  const kind = ourNameOf(row['name'] ?? '') === undefined ? 'account' : 'principal'
  return { ...foundOf(row, 'user', details), kind }
}

function roleOf(row: Row): Found {
  const own = ourNameOf(row['name'] ?? '')
  const isHolder = own?.startsWith(`${product.targetPrefix}g_`)
  const kind = own === undefined ? 'role' : isHolder ? 'holder' : 'owner'
  return { ...foundOf(row, 'role', { users: row['assigned_to_users'] ?? null }), kind }
}

/** The id is natural: what it is, and the name, which is one there. */
function foundOf(row: Row, kind: string, details: Found['details']): Omit<Found, 'kind'> {
  const name = row['name'] ?? ''
  const own = ourNameOf(name)
  const by = row['owner'] ?? row['created_by']
  return {
    id: `${kind} ${name}`,
    name: own ?? name,
    ours: own !== undefined,
    madeAt: instantOf(row['created_on']),
    lastUsedAt: instantOf(row['last_success_login'] ?? row['last_used']),
    ...(by && { creator: by }),
    details,
  }
}

interface Asking {
  readonly signal: AbortSignal
  readonly unseen: Unseen[]
}

/** Of a lease's own user nothing: they are the lease. */
async function credentialsOf({ run }: Account, row: Row, { signal, unseen }: Asking) {
  const user = row['name'] ?? ''
  const ask = async (column: string, statement: string): Promise<Row[]> => {
    if (row[column] !== 'true' || ourNameOf(user) !== undefined) return []
    try {
      return await run(statement, signal)
    } catch (thrown) {
      if (!isProblem(thrown, 'target-refused')) throw thrown
      unseen.push({ what: `${column} of ${user}`, needs: `${rightOnUser} ${user}` })
      return []
    }
  }
  const of = (each: Row, kind: string, details: Found['details']) =>
    foundOf(each, `${kind} ${user}`, { user, ...details })
  const tokens = await ask('has_pat', tokensOf(user))
  // ATTACKER: without the right it answers with our own, as if they were this user's.
  const strange = tokens.some(each => each['user_name'] !== user)
  if (strange) unseen.push({ what: `has_pat of ${user}`, needs: `${rightOnUser} ${user}` })
  const keys = await ask('has_rsa_public_key', `DESCRIBE USER ${quote(user)}`)
  const isKey = ({ property, value }: Row) =>
    /^RSA_PUBLIC_KEY(_2)?_FP$/.test(property ?? '') && value && value !== 'null'
  const workloads = await ask('has_federated_workload_authentication', workloadsOf(user))
  return [
    ...(strange ? [] : tokens).map((each): Found => {
      const { role_restriction: role = null, status = null } = each
      const endsAt = instantOf(each['expires_at'])
      return { ...of(each, 'token', { role, status }), kind: 'token', ours: false, endsAt }
    }),
    ...keys.filter(isKey).map(({ property = '', value = '' }): Found => {
      const key = of({ name: value }, 'key', { slot: property })
      return { ...key, kind: 'key' }
    }),
    ...workloads.map((each): Found => {
      const { type = null } = each
      return { ...of(each, 'workload', { type }), kind: 'trust' }
    }),
  ]
}

const rightOnUser = 'MONITOR or MODIFY PROGRAMMATIC AUTHENTICATION METHODS on user'
const workloadsOf = (user: string) =>
  `SHOW USER WORKLOAD IDENTITY AUTHENTICATION METHODS FOR USER ${quote(user)}`

function parseCursor(cursor: string) {
  const read = cursorShape.safeParse(parseJson(cursor, most.cursorChars))
  if (read.success) return read.data
  throw new Problem('invalid-field', { field: 'cursor', detail: 'This is no cursor of ours.' })
}
