/**
 * The role that holds one grant's rights: made, changed, removed, looked for. Beside its rights it has
 * nothing but what ends sessions of it.
 *
 * INVARIANT: a role that is not exactly as we would make it is refused, never used and never taken over.
 */
import * as iam from '@aws-sdk/client-iam'
import { canonicalJson, type Json } from '../../src/core/base/json.ts'
import { product } from '../../src/core/base/product.ts'
import { fromMs, type Instant, parseInstant } from '../../src/core/base/time.ts'
import type { HolderEvidence, HolderOrder } from '../../src/core/target/target.ts'
import { requireNames } from '../rest/names.ts'
import type { Account } from './account.ts'
import * as policy from './policy.ts'
import { explain, ifThere, isCode, refused } from './trouble.ts'

const most = { pages: 100, perPage: 100, shown: 10 }
const prefix = product.targetPrefix
const rightsName = `${prefix}-rights`
/** That nothing is let in which was made before. The others end sessions by name. */
export const beforeName = `${prefix}-ended-before`
const endName = new RegExp(`^${prefix}-ended-[0-9]{10}-[0-9a-f]{12}$`)
const never = fromMs(0)
/** Of a holder that is being removed: it stays when all else of it is gone already. */
const tag = product.command
const over = 'over'
const always = parseInstant('9999-01-01') ?? never

export interface Role {
  readonly name: string
  /** AWS's own, which no other role ever has. */
  readonly id: string
}

export const isEndName = (name: string) => endName.test(name)

export async function ensureHolder(account: Account, order: HolderOrder, signal: AbortSignal) {
  requireNames(order.holder, order.owner)
  const rights = policy.rightsOf(order)
  await ensureRole(account, { name: order.holder, rights }, signal)
}

/** Several may do so at once: each ends with the same. */
export async function ensureRole(
  account: Account,
  { name, rights }: { readonly name: string; readonly rights: policy.Rights },
  signal: AbortSignal,
): Promise<void> {
  const found = await findExact(account, name, signal)
  // Whoever removed it broke off. Sessions of that one are over for good: the next is another role.
  const isLeft = found?.Tags?.some(each => each.Key === tag && each.Value === over) === true
  if (isLeft) await removeHolder(account, name, signal)
  const isNew = found === undefined || isLeft
  const role = isNew ? await makeRole(account, name, signal) : found
  // Before anything can be done with it, there is room to end all of it.
  if ((await readBefore(account, role, signal)) === undefined)
    await putBefore(account, role, never, signal)
  const document = policy.holderPolicy(rights, account.arnOf(name))
  const has = await readPolicy(account, role, rightsName, signal)
  if (has === undefined || !policy.isSame(has, document))
    await putPolicy(account, role, { name: rightsName, document }, signal)
  const [inline, attached] = await Promise.all([
    listPolicies(account, role, signal),
    account.ask(new iam.ListAttachedRolePoliciesCommand({ RoleName: name }), signal),
  ])
  const known = (each: string) => each === rightsName || each === beforeName || isEndName(each)
  const others = (attached.AttachedPolicies ?? []).map(each => each.PolicyName)
  const strange = [...inline.filter(each => !known(each)), ...others].slice(0, most.shown)
  if (strange.length > 0) throw notOurs(name, `has policies that are not ours: ${strange.join()}`)
}

/** Undefined where there is none. Throws `Problem` `target-refused` where it is not as we make them. */
async function findExact(account: Account, name: string, signal: AbortSignal) {
  const found = await readRole(account, name, signal)
  if (found === undefined) return undefined
  const { config, issuer } = account
  const trust = policy.parsePolicy(found.AssumeRolePolicyDocument)
  if (!policy.isSame(trust, policy.trustPolicy(config, name, issuer)))
    throw notOurs(name, 'may be used by others than us')
  if (found.PermissionsBoundary?.PermissionsBoundaryArn !== config.boundary)
    throw notOurs(name, 'has another boundary than was connected')
  return found
}

/** Undefined where there is none. What is there may be used by others, too. */
export async function readRole(account: Account, name: string, signal: AbortSignal) {
  const asking = account.ask(new iam.GetRoleCommand({ RoleName: name }), signal)
  const found = (await ifThere(asking))?.Role
  if (found === undefined) return undefined
  if (found.Arn !== account.arnOf(name) || !found.RoleId)
    throw notOurs(name, 'is not below our path')
  return { ...found, name, id: found.RoleId }
}

async function makeRole(account: Account, name: string, signal: AbortSignal): Promise<Role> {
  const { config, issuer } = account
  const create = new iam.CreateRoleCommand({
    RoleName: name,
    Path: config.path,
    AssumeRolePolicyDocument: canonicalJson(policy.trustPolicy(config, name, issuer)),
    MaxSessionDuration: policy.lifeSeconds,
    Tags: [{ Key: tag, Value: 'holder' }],
    ...(config.boundary && { PermissionsBoundary: config.boundary }),
  })
  // Others may make it at the same time.
  await account.ask(create, signal).catch(thrown => {
    if (!isCode(thrown, 'EntityAlreadyExists', 'ConcurrentModification')) throw thrown
  })
  const made = await findExact(account, name, signal)
  if (made === undefined) throw refused('AWS does not show a role that it just made.', 'Try again.')
  return made
}

/**
 * INVARIANT: first nothing is let in any more, ever; then the rights go, and what ends single sessions
 * only after them.
 */
export async function removeHolder(account: Account, holder: string, signal: AbortSignal) {
  requireNames(holder)
  const role = await readRole(account, holder, signal)
  if (role === undefined) return
  const saying = { RoleName: holder, Tags: [{ Key: tag, Value: over }] }
  await account.ask(new iam.TagRoleCommand(saying), signal)
  await putBefore(account, role, always, signal)
  const rest = (await listPolicies(account, role, signal)).filter(each => each !== rightsName)
  for (const each of [rightsName, ...rest]) await deletePolicy(account, role, each, signal)
  const dropping = account.ask(new iam.DeleteRoleCommand({ RoleName: holder }), signal)
  await ifThere(dropping).catch(thrown => {
    if (!isCode(thrown, 'DeleteConflict')) throw thrown
    throw refused(`\`${holder}\` has policies that others attached.`, 'Detach them; then again.')
  })
}

/** By its name, and by the list of all we made. */
export async function verifyHolderGone(
  account: Account,
  holder: string,
  signal: AbortSignal,
): Promise<HolderEvidence> {
  requireNames(holder)
  const said = { residue: [], at: account.clock.now() }
  try {
    const asking = account.ask(new iam.GetRoleCommand({ RoleName: holder }), signal)
    const isThere = (await ifThere(asking)) !== undefined
    const isListed = isThere || (await listsRole(account, holder, signal))
    return { ...said, listed: isListed ? 'present' : 'absent' }
  } catch (thrown) {
    return { ...said, listed: 'unknown', because: explain(thrown) }
  }
}

async function listsRole(account: Account, name: string, signal: AbortSignal): Promise<boolean> {
  const from = { PathPrefix: account.config.path, MaxItems: most.perPage }
  let at: { Marker?: string } = {}
  for (let page = 0; page < most.pages; page++) {
    const said = await account.ask(new iam.ListRolesCommand({ ...from, ...at }), signal)
    if (said.Roles?.some(each => each.RoleName === name)) return true
    if (!said.IsTruncated || !said.Marker) return false
    at = { Marker: said.Marker }
  }
  throw refused('There are more roles below our path than we can read.')
}

/** Names of the policies written into it. */
export async function listPolicies(account: Account, { name }: Role, signal: AbortSignal) {
  const names: string[] = []
  let at: { Marker?: string } = {}
  for (let page = 0; page < most.pages; page++) {
    const list = new iam.ListRolePoliciesCommand({ RoleName: name, MaxItems: most.perPage, ...at })
    const said = await account.ask(list, signal)
    names.push(...(said.PolicyNames ?? []))
    if (!said.IsTruncated || !said.Marker) return names
    at = { Marker: said.Marker }
  }
  throw notOurs(name, 'has more policies than we can read')
}

export async function readPolicy(account: Account, role: Role, name: string, signal: AbortSignal) {
  const get = new iam.GetRolePolicyCommand({ RoleName: role.name, PolicyName: name })
  const said = await ifThere(account.ask(get, signal))
  return said && policy.parsePolicy(said.PolicyDocument)
}

export async function putPolicy(
  account: Account,
  role: Role,
  { name, document }: { readonly name: string; readonly document: Json },
  signal: AbortSignal,
): Promise<void> {
  const of = { RoleName: role.name, PolicyName: name, PolicyDocument: canonicalJson(document) }
  await account.ask(new iam.PutRolePolicyCommand(of), signal)
}

export async function deletePolicy(
  account: Account,
  role: Role,
  name: string,
  signal: AbortSignal,
) {
  const drop = new iam.DeleteRolePolicyCommand({ RoleName: role.name, PolicyName: name })
  await ifThere(account.ask(drop, signal))
}

/** All sessions that were made before are over; undefined where it was never said. */
export async function readBefore(account: Account, role: Role, signal: AbortSignal) {
  const document = await readPolicy(account, role, beforeName, signal)
  return document === undefined ? undefined : policy.beforeIn(document)
}

export function putBefore(account: Account, role: Role, before: Instant, signal: AbortSignal) {
  return putPolicy(
    account,
    role,
    { name: beforeName, document: policy.beforePolicy(before) },
    signal,
  )
}

function notOurs(name: string, why: string) {
  const next = 'Whoever changed it changes it back, or removes it: another is made then.'
  return refused(`The role \`${name}\` ${why}.`, next)
}
