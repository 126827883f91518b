/**
 * The role that holds one grant's rights: made, narrowed, removed, looked for. Nobody is given it but
 * leases. Beside it the app's owner role, which is a name: who uses a lease may make nothing.
 *
 * INVARIANT: what can not be said exactly is refused, never rounded up.
 */
import type { DataAction } from '../../src/core/base/permit.ts'
import { Problem } from '../../src/core/base/problem.ts'
import type { HolderEvidence, HolderOrder } from '../../src/core/target/target.ts'
import { type Account, explain, ifThere, refused } from './account.ts'
import { parseObject } from './config.ts'
import { ourName, quote, shown, text } from './names.ts'

/** `on` is the kind and the place, as a statement and as `SHOW GRANTS` writes them. */
interface Right {
  readonly privilege: string
  readonly on: string
  readonly key: string
}

const privileges: Readonly<Partial<Record<DataAction, readonly string[]>>> = {
  read: ['SELECT'],
  write: ['INSERT', 'UPDATE'],
  destroy: ['DELETE'],
}
const listed = 10

export async function ensureHolder(account: Account, order: HolderOrder, signal: AbortSignal) {
  const rights = rightsOf(account, order)
  const [holder, owner] = [ourName(order.holder), ourName(order.owner)]
  await requireColumns(account, order, signal)
  for (const role of [holder, owner])
    await account.run(`CREATE ROLE IF NOT EXISTS ${quote(role)}`, signal)
  const before = await compare(account, holder, rights, signal)
  // What nobody agreed to goes first.
  for (const { privilege, on } of before.surplus)
    await account.run(`REVOKE ${privilege} ON ${on} FROM ROLE ${quote(holder)}`, signal)
  for (const { privilege, on } of before.missing)
    await account.run(`GRANT ${privilege} ON ${on} TO ROLE ${quote(holder)}`, signal)
  await requireExact(account, order, signal)
}

/** Throws `Problem` `target-refused` where the role has more or less than was agreed, or is not there. */
export async function requireExact(account: Account, order: HolderOrder, signal: AbortSignal) {
  const rights = rightsOf(account, order)
  const now = await compare(account, ourName(order.holder), rights, signal)
  const wrong = [
    ...now.missing.map(({ key }) => `lacks ${key}`),
    ...now.surplus.map(({ key }) => `has ${key}`),
    ...now.strange.map(each => `has ${each}`),
  ]
  if (wrong.length === 0) return
  const detail = `The role of the grant is not as agreed: ${wrong.slice(0, listed).join('; ')}.`
  throw refused(detail, 'Let whoever changed it change it back, or our role lacks a right.')
}

/** What the role owns stays: dropping it would hand that to our own role. */
export async function removeHolder(account: Account, holder: string, signal: AbortSignal) {
  const owned = await ownedBy(account, holder, signal)
  if (owned.length > 0)
    throw refused(`The role owns ${owned.join('; ')}.`, 'Give that to another role.')
  await account.run(`DROP ROLE IF EXISTS ${quote(ourName(holder))}`, signal)
}

export async function verifyHolderGone(
  account: Account,
  holder: string,
  signal: AbortSignal,
): Promise<HolderEvidence> {
  const name = ourName(holder)
  const at = account.clock.now()
  try {
    const rows = await account.run(`SHOW ROLES STARTS WITH ${text(name)}`, signal)
    const isThere = rows.some(row => row['name'] === name)
    return { listed: isThere ? 'present' : 'absent', residue: [], at }
  } catch (thrown) {
    return { listed: 'unknown', residue: [], because: explain(thrown), at }
  }
}

/** Things of the role: which lease made one Snowflake does not say. */
export async function ownedBy(account: Account, holder: string, signal: AbortSignal) {
  const rows = await ifThere(grantsOf(account, ourName(holder), signal), [])
  const owned = rows.filter(row => row['privilege'] === 'OWNERSHIP')
  return owned.map(row => `${row['granted_on']} ${row['name']}`).slice(0, listed)
}

export const grantsOf = (account: Account, role: string, signal: AbortSignal) =>
  account.run(`SHOW GRANTS TO ROLE ${quote(role)}`, signal)

async function compare(account: Account, holder: string, rights: Rights, signal: AbortSignal) {
  const rows = await grantsOf(account, holder, signal)
  const have = rows.map(row => {
    const mayGive = row['grant_option'] === 'true' ? ' and may give it away' : ''
    return `${row['privilege']} on ${row['granted_on']} ${row['name']}${mayGive}`
  })
  const isHere = ({ key }: Right) => have.includes(key)
  const known = [...rights.wanted, ...rights.others].map(({ key }) => key)
  return {
    missing: rights.wanted.filter(each => !isHere(each)),
    surplus: rights.others.filter(isHere),
    strange: have.filter(key => !known.includes(key)),
  }
}

/** `others` are those of the same table that nobody agreed to. */
interface Rights {
  readonly wanted: readonly Right[]
  readonly others: readonly Right[]
}

/** Throws `Problem` `invalid-field` for what Snowflake has no right for. */
function rightsOf({ config }: Account, { object, actions }: HolderOrder): Rights {
  const { database, schema, table = '', view } = parseObject(object)
  const right = (privilege: string, kind: string, ...place: readonly string[]): Right => ({
    privilege,
    on: `${kind} ${quote(...place)}`,
    key: `${privilege} on ${kind} ${shown(...place)}`,
  })
  const kind = view === undefined ? 'TABLE' : 'VIEW'
  const wanted = actions.flatMap(action => {
    const all = view !== undefined && action !== 'read' ? undefined : privileges[action]
    if (all) return all
    const detail = `A ${kind.toLowerCase()} has no right for \`${action}\`.`
    const next = 'Ask for another action.'
    throw new Problem('invalid-field', { field: 'actions', detail, next })
  })
  const own = (privilege: string) => right(privilege, kind, database, schema, view ?? table)
  const rest = Object.values(privileges)
    .flat()
    .filter(each => !wanted.includes(each))
  const { warehouse } = config
  const way = [right('USAGE', 'DATABASE', database), right('USAGE', 'SCHEMA', database, schema)]
  const pay = warehouse === undefined ? [] : [right('USAGE', 'WAREHOUSE', warehouse)]
  return { wanted: [...pay, ...way, ...[...new Set(wanted)].map(own)], others: rest.map(own) }
}

/** Snowflake gives a table or a view whole. So columns are those of a secure view, or nothing is given. */
async function requireColumns(account: Account, order: HolderOrder, signal: AbortSignal) {
  const { database, schema, view } = parseObject(order.object)
  if (order.columns.length === 0) return
  const next = 'Make a secure view of these columns, and a resource that names it as its `view`.'
  if (view === undefined) throw refused('Snowflake gives a table whole, not columns of it.', next)
  const list = `SHOW VIEWS IN SCHEMA ${quote(database, schema)} STARTS WITH ${text(view)}`
  const isIt = (await account.run(list, signal)).find(row => row['name'] === view)
  const rows = await account.run(`DESCRIBE VIEW ${quote(database, schema, view)}`, signal)
  const more = rows.filter(row => !order.columns.includes(row['name'] ?? ''))
  if (isIt?.['is_secure'] !== 'true' || more.length > 0)
    throw refused('The view is not secure, or shows other columns than were agreed.', next)
}
