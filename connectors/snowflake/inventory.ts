/**
 * Who can sign in there, and by what: users with their tokens, keys and workload identities, then roles.
 * Whatever made them. A page is a few users, since each one's credentials are asked for by themselves.
 */
import { z } from 'zod'
import { parseJson } from '../../src/core/base/json.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
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
  // Where it begins with the name itself, that was told before.
  const page = rows.filter(row => row['name'] !== after)
  const last = page.at(-1)?.['name'] ?? ''
  const isMore = rows.length > most.perPage && last !== ''
  const next = isMore ? [list, last] : list === 'USERS' ? ['ROLES', ''] : null
  const found: Found[] = []
  const unseen: Unseen[] = []
  for (const row of page) {
    found.push(foundOf(row, list))
    if (list === 'USERS') found.push(...(await credentialsOf(account, row, { signal, unseen })))
  }
  const cursorOfNext = next === null ? null : JSON.stringify(next)
  return { found, next: cursorOfNext, ...(unseen.length > 0 && { unseen }) }
}

function foundOf(row: Row, list: 'USERS' | 'ROLES'): Found {
  const name = row['name'] ?? ''
  const own = ourNameOf(name)
  const isUser = list === 'USERS'
  const ofOurs = isUser
    ? 'principal'
    : own?.includes('g_') && own.indexOf('g_') < 3
      ? 'holder'
      : 'owner'
  return {
    id: `${isUser ? 'user' : 'role'} ${name}`,
    kind: own === undefined ? (isUser ? 'account' : 'role') : ofOurs,
    name: own ?? name,
    ours: own !== undefined,
    madeAt: instantOf(row['created_on']),
    lastUsedAt: instantOf(row['last_success_login']),
    ...(row['expires_at_time'] && { endsAt: instantOf(row['expires_at_time']) }),
    ...(row['owner'] && { creator: row['owner'] }),
    details: isUser
      ? {
          type: row['type'] ?? null,
          isDisabled: row['disabled'] === 'true',
          hasPassword: row['has_password'] === 'true',
        }
      : { users: row['assigned_to_users'] ?? null },
  }
}

interface Asking {
  readonly signal: AbortSignal
  readonly unseen: Unseen[]
}

/** Of a lease's own user nothing: they are the lease. */
async function credentialsOf(
  { run }: Account,
  row: Row,
  { signal, unseen }: Asking,
): Promise<Found[]> {
  const user = row['name'] ?? ''
  const has = (what: string) => row[what] === 'true' && ourNameOf(user) === undefined
  const ask = (what: string, statement: string): Promise<Row[]> =>
    run(statement, signal).catch(thrown => {
      if (!isProblem(thrown, 'target-refused')) throw thrown
      const needs = `MODIFY PROGRAMMATIC AUTHENTICATION METHODS or MONITOR on user ${user}`
      unseen.push({ what: `${what} of ${user}`, needs })
      return []
    })
  const base = { ours: false, madeAt: null, lastUsedAt: null, details: { user } }
  const found: Found[] = []
  // ATTACKER: without the right it answers with our own, as if they were this user's.
  if (has('has_pat'))
    for (const each of await ask('programmatic access tokens', tokensOf(user)))
      if (each['user_name'] === user) found.push(tokenOf(each, user))
      else
        unseen.push({
          what: `tokens of ${user}`,
          needs: `MODIFY PROGRAMMATIC AUTHENTICATION METHODS on user ${user}`,
        })
  if (has('has_rsa_public_key'))
    for (const { property = '', value } of await ask('keys', `DESCRIBE USER ${quote(user)}`))
      if (/^RSA_PUBLIC_KEY(_2)?_FP$/.test(property ?? '') && value && value !== 'null')
        found.push({ ...base, id: `key ${user} ${property}`, kind: 'key', name: value })
  if (has('has_federated_workload_authentication'))
    for (const each of await ask(
      'workload identities',
      `SHOW USER WORKLOAD IDENTITY AUTHENTICATION METHODS FOR USER ${quote(user)}`,
    )) {
      const details = { user, type: each['type'] ?? null }
      found.push({
        ...base,
        id: `workload ${user} ${each['name']}`,
        kind: 'trust',
        name: each['name'] ?? '',
        lastUsedAt: instantOf(each['last_used']),
        details,
      })
    }
  return found
}

function tokenOf(row: Row, user: string): Found {
  const name = row['name'] ?? ''
  return {
    id: `token ${user} ${name}`,
    kind: 'token',
    name,
    ours: false,
    madeAt: instantOf(row['created_on']),
    lastUsedAt: null,
    endsAt: instantOf(row['expires_at']),
    ...(row['created_by'] && { creator: row['created_by'] }),
    details: { user, role: row['role_restriction'] ?? null, status: row['status'] ?? null },
  }
}

function parseCursor(cursor: string) {
  const read = cursorShape.safeParse(parseJson(cursor, most.cursorChars))
  if (read.success) return read.data
  throw new Problem('invalid-field', { field: 'cursor', detail: 'This is no cursor of ours.' })
}
