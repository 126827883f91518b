/**
 * What stands for one grant: an application whose service principal is disabled, with the grant's roles on
 * its scope. Nobody signs in as it; leases are given what it has.
 */
import type { HolderEvidence, HolderOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import {
  type App,
  findApp,
  findPrincipal,
  listDeleted,
  makeApp,
  markOf,
  removeApp,
} from './apps.ts'
import type { Cloud } from './cloud.ts'
import { explain, refused } from './login.ts'
import { type Agreed, type Assignment, agreedOf, give, listAt, take } from './rights.ts'

export async function ensureHolder(cloud: Cloud, order: HolderOrder, signal: AbortSignal) {
  const { scope, roles } = agreedOf(cloud, order)
  const { holder: name, owner } = order
  const mark = { of: owner, at: scope }
  const { principalId } = await makeApp(cloud, { name, mark, isEnabled: false }, signal)
  const all = await listAt(cloud, scope, signal)
  // What nobody agreed to goes first, from the grant and from every lease of it.
  const isSurplus = (each: Assignment) =>
    !roles.includes(each.role) || (each.description === name && each.principalId !== principalId)
  const surplus = all.filter(each => isOf(each, name, principalId) && isSurplus(each))
  for (const each of surplus) await take(cloud, each, signal)
  const has = rolesIn(all, principalId)
  for (const role of roles)
    if (!has.includes(role))
      await give(cloud, { scope, role, principalId, description: name }, signal)
}

function isOf({ description, principalId }: Assignment, holder: string, id: string): boolean {
  return principalId === id || description === holder || description.startsWith(`${holder} `)
}

const rolesIn = (all: readonly Assignment[], principalId: string) =>
  all.filter(each => each.principalId === principalId).map(({ role }) => role)

/** Throws `Problem` `target-refused` where the grant has more or less than was agreed, or is not there. */
export async function requireExact(
  cloud: Cloud,
  { holder, agreed }: { holder: string; agreed: Agreed },
  signal: AbortSignal,
): Promise<void> {
  const has = await rolesOf(cloud, holder, agreed.scope, signal)
  const wrong = [
    ...agreed.roles.filter(each => !has.includes(each)).map(each => `lacks ${each}`),
    ...has.filter(each => !agreed.roles.includes(each)).map(each => `has ${each}`),
  ]
  if (wrong.length === 0) return
  const detail = `What the grant has there is not as agreed: it ${wrong.slice(0, 10).join('; it ')}.`
  throw refused(detail, 'Let whoever changed it change it back, or ask again.')
}

/** What the grant may do on that scope now; nothing where it is not there. */
export async function rolesOf(cloud: Cloud, holder: string, scope: string, signal: AbortSignal) {
  const app = await findApp(cloud, holder, signal)
  const principal = app && (await findPrincipal(cloud, app, signal))
  if (principal === undefined) return []
  return rolesIn(await listAt(cloud, scope, signal), principal.id)
}

/** Where its rights are stands in its notes. */
export async function removeHolder(cloud: Cloud, holder: string, signal: AbortSignal) {
  ourName(holder)
  const app = await findApp(cloud, holder, signal)
  if (app !== undefined) await takeAll(cloud, holder, app, signal)
  await removeApp(cloud, holder, signal)
}

async function takeAll(cloud: Cloud, holder: string, app: App, signal: AbortSignal) {
  const mark = markOf(app.notes)
  const principal = await findPrincipal(cloud, app, signal)
  if (mark === undefined) return
  for (const each of await listAt(cloud, mark.at, signal))
    if (isOf(each, holder, principal?.id ?? '')) await take(cloud, each, signal)
}

export async function verifyHolderGone(
  cloud: Cloud,
  holder: string,
  signal: AbortSignal,
): Promise<HolderEvidence> {
  ourName(holder)
  const at = cloud.clock.now()
  try {
    const app = await findApp(cloud, holder, signal)
    const deleted = await listDeleted(cloud, holder, signal)
    const residue = deleted.map(id => `${id}, deleted and not purged`)
    return { listed: app === undefined ? 'absent' : 'present', residue, at }
  } catch (thrown) {
    return { listed: 'unknown', residue: [], because: explain(thrown), at }
  }
}
