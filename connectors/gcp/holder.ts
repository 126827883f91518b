/**
 * The service account that stands for one grant in the policy of its resource: disabled, so that nobody
 * signs in as it. Leases of the grant stand beside it, in bindings that bear its name as their title.
 *
 * INVARIANT: what can not be said exactly is refused, never rounded up.
 */
import { z } from 'zod'
import { parseJson } from '../../src/core/base/json.ts'
import type { DataAction } from '../../src/core/base/permit.ts'
import type { HolderEvidence, HolderOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import { type Account, findAccount, makeAccount } from './account.ts'
import { type Cloud, explain, refused } from './cloud.ts'
import { type GcpObject, parseObject, parsePlace } from './config.ts'
import * as policies from './policy.ts'

/** What several actions are together is one role, or nothing. */
const ofBucket: readonly [actions: string, role: string, proof: string][] = [
  ['read', 'roles/storage.objectViewer', 'storage.objects.get'],
  ['write', 'roles/storage.objectCreator', 'storage.objects.create'],
  ['destroy,read,write', 'roles/storage.objectUser', 'storage.objects.delete'],
]
const ofSecret: typeof ofBucket = [
  ['read', 'roles/secretmanager.secretAccessor', 'secretmanager.versions.access'],
  ['write', 'roles/secretmanager.secretVersionAdder', 'secretmanager.versions.add'],
]

export interface Rights {
  readonly roles: readonly string[]
  readonly place: policies.Place
  /** A permission of the last role, where that is known: who has it has what was agreed. */
  readonly proof?: string | undefined
}
export type Clouds = Cloud & policies.Policies

export async function ensureHolder(cloud: Clouds, order: HolderOrder, signal: AbortSignal) {
  const rights = rightsOf(cloud, order)
  ourName(order.owner)
  const email = cloud.emailOf(order.holder)
  const description = JSON.stringify({ owner: order.owner, at: rights.place.of })
  const known = await findAccount(cloud, order.holder, signal)
  if (known === undefined) await makeAccount(cloud, { name: order.holder, description }, signal)
  if (known?.disabled !== true)
    await cloud.call('iam', { method: 'POST', path: `${pathOf(cloud, email)}:disable` }, signal)
  await cloud.change(rights.place, each => narrowed(each, { email, order, rights }), signal)
}

/** Throws `Problem` `target-refused` where the grant has more or less than was agreed, or is not there. */
export function requireExact(
  bindings: readonly policies.Binding[],
  email: string,
  { roles }: Rights,
): void {
  const has = bindings
    .filter(({ members }) => members.includes(`serviceAccount:${email}`))
    .map(({ role, condition }) => (condition ? `${role} if ${condition.title}` : role))
  const wrong = [
    ...roles.filter(each => !has.includes(each)).map(each => `lacks ${each}`),
    ...has.filter(each => !roles.includes(each)).map(each => `has ${each}`),
  ]
  if (wrong.length === 0) return
  const detail = `What the grant has there is not as agreed: it ${wrong.slice(0, 10).join('; it ')}.`
  throw refused(detail, 'Let whoever changed it change it back, or ask again.')
}

/** What nobody agreed to goes, from the grant and from every lease of it. */
function narrowed(
  before: readonly policies.Binding[],
  { email, order, rights }: { email: string; order: HolderOrder; rights: Rights },
): readonly policies.Binding[] {
  const isWanted = ({ role, condition }: policies.Binding) =>
    condition === undefined && rights.roles.includes(role)
  const kept = before.filter(
    each => each.condition?.title !== order.holder || rights.roles.includes(each.role),
  )
  const own = policies.withoutMember(kept, email, each => !isWanted(each))
  return rights.roles.reduce((all, role) => policies.withMember(all, { role }, email), own)
}

/** Where its rights are stands in its own description. */
export async function removeHolder(cloud: Clouds, holder: string, signal: AbortSignal) {
  const email = cloud.emailOf(holder)
  const known = await findAccount(cloud, holder, signal)
  if (known === undefined) return
  const mark = markOf(known)
  if (mark !== undefined)
    await cloud.change(
      mark.place,
      before => {
        const kept = before.filter(each => each.condition?.title !== holder)
        return policies.withoutMember(kept, email, () => true)
      },
      signal,
    )
  const remove = { method: 'DELETE', path: pathOf(cloud, email), takes: [404] } as const
  await cloud.call('iam', remove, signal)
}

export async function verifyHolderGone(
  cloud: Clouds,
  holder: string,
  signal: AbortSignal,
): Promise<HolderEvidence> {
  ourName(holder)
  const at = cloud.clock.now()
  try {
    const known = await findAccount(cloud, holder, signal)
    return { listed: known === undefined ? 'absent' : 'present', residue: [], at }
  } catch (thrown) {
    return { listed: 'unknown', residue: [], because: explain(thrown), at }
  }
}

export function pathOf({ config }: Cloud, email: string): string {
  return `/v1/projects/${config.project}/serviceAccounts/${email}`
}

const markShape = z.object({ owner: z.string().transform(ourName), at: z.json() })

/** What a holder's description says; undefined where somebody wrote something else. */
export function markOf({ description }: Account) {
  try {
    const { owner, at } = markShape.parse(parseJson(description))
    return { owner, place: policies.placeOf(parsePlace(at)) }
  } catch {
    return undefined
  }
}

/** Throws `Problem` `target-refused` for what Google has no role for. */
export function rightsOf({ config }: Cloud, order: HolderOrder): Rights {
  ourName(order.holder)
  const object = parseObject(order.object)
  const place = policies.placeOf(object)
  if (order.columns.length > 0)
    throw refused('Google Cloud gives no columns.', 'Ask for all of it, or for another resource.')
  if (object.roles !== undefined)
    return { place, roles: ofProject(object, order.actions, config.roles) }
  const known = object.bucket === undefined ? ofSecret : ofBucket
  const asked = [...new Set(order.actions)].sort()
  const whole = known.find(([actions]) => actions === asked.join(','))
  const each = asked.map(action => known.find(([actions]) => actions === action))
  const chosen = whole === undefined ? each : [whole]
  const [, , proof] = chosen.at(-1) ?? []
  return { place, proof, roles: chosen.map(one => one?.[1] ?? noRole(asked, known)) }
}

function noRole(asked: readonly string[], known: typeof ofBucket): never {
  const can = known.map(([actions]) => `\`${actions.replaceAll(',', ' + ')}\``).join(', ')
  throw refused(
    `There is no role for exactly \`${asked.join(' + ')}\`.`,
    `There is one for ${can}.`,
  )
}

function ofProject(
  { roles = {} }: GcpObject,
  actions: readonly DataAction[],
  allowed: readonly string[] = [],
): string[] {
  const asked = actions.flatMap(action => {
    const of = roles[action]
    if (of !== undefined) return of
    throw refused(`The resource does not say what \`${action}\` is there.`)
  })
  const strange = asked.find(role => !allowed.includes(role))
  if (strange === undefined) return [...new Set(asked)]
  const next = 'Who connected Google Cloud adds it to `roles`, or the resource names another.'
  throw refused(`\`${strange}\` is not among the roles that may be given on a project.`, next)
}
