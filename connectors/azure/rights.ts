/**
 * Role assignments of grants and leases on one scope. Each of ours says in its description which grant it
 * is of, and which lease; its name is made of that, so that making it twice is making it once.
 */
import { z } from 'zod'
import { sha256 } from '../../src/core/base/hash.ts'
import type { Json } from '../../src/core/base/json.ts'
import type { Instant } from '../../src/core/base/time.ts'
import type { HolderOrder } from '../../src/core/target/target.ts'
import { late } from '../rest/cloud.ts'
import { ourName } from '../rest/names.ts'
import { armVersion, type Cloud, errorIn } from './cloud.ts'
import { parseObject, scopeOf } from './config.ts'
import { readAs, refused, rest, unavailable } from './login.ts'

const bounds = { tries: 12, restMs: 500 }
const provider = 'providers/Microsoft.Authorization'

const assignmentShape = z.object({
  id: z.string().max(1_000),
  name: z.string().regex(/^[0-9a-fA-F-]{36}$/),
  properties: z.object({
    scope: z.string(),
    principalId: z.string(),
    roleDefinitionId: z.string(),
    description: z.string().nullable().default(''),
  }),
})

/** One assignment as it is there. `role` is the id of the role alone. */
export interface Assignment {
  readonly name: string
  readonly scope: string
  readonly role: string
  readonly principalId: string
  readonly description: string
}

/** Those made on exactly this scope, whoever made them; none where there is no such thing any more. */
export async function listAt(cloud: Cloud, scope: string, signal: AbortSignal) {
  const all = await list(cloud, scope, 'atScope()', signal)
  return all.filter(each => each.scope.toLowerCase() === scope.toLowerCase())
}

/** Those of one principal in the whole subscription. */
export function listOf(cloud: Cloud, scope: string, principalId: string, signal: AbortSignal) {
  const subscription = scope.split('/').slice(0, 3).join('/')
  return list(cloud, subscription, `principalId eq '${principalId}'`, signal)
}

async function list(cloud: Cloud, at: string, filter: string, signal: AbortSignal) {
  const query = `${armVersion}&$filter=${encodeURIComponent(filter)}`
  const all = await cloud.readAll('arm', `${at}/${provider}/roleAssignments?${query}`, signal)
  return all.map((each: Json): Assignment => {
    const { name, properties } = readAs(assignmentShape, each)
    const { scope, principalId, roleDefinitionId, description } = properties
    const role = roleDefinitionId.slice(roleDefinitionId.lastIndexOf('/') + 1).toLowerCase()
    return { name, scope, role, principalId, description: description ?? '' }
  })
}

export interface Giving {
  readonly scope: string
  readonly role: string
  readonly principalId: string
  /** The grant's name, and after a space the lease's. */
  readonly description: string
  /** Not asked for after it. */
  readonly deadline?: Instant
}

/** Twice is once. A principal that is new is waited for. */
export async function give(cloud: Cloud, of: Giving, signal: AbortSignal): Promise<void> {
  const { scope, role, principalId, description } = of
  const subscription = scope.split('/').slice(0, 3).join('/')
  const path = `${scope}/${provider}/roleAssignments/${idOf(of)}?${armVersion}`
  const properties = {
    roleDefinitionId: `${subscription}/${provider}/roleDefinitions/${role}`,
    principalId,
    // Without it Azure looks for the principal in a replica that has not heard of it.
    principalType: 'ServicePrincipal',
    description,
  }
  for (let tries = 1; ; tries++) {
    // INVARIANT: Azure gives a role to who is not there any more, if it is told that it is a principal.
    if (of.deadline !== undefined && cloud.clock.now() > of.deadline) throw late()
    const request = { method: 'PUT', path, body: { properties }, takes: [400, 409] } as const
    const { status, body } = await cloud.call('arm', request, signal)
    const code = errorIn(body)
    if (status < 300 || code === 'RoleAssignmentExists') return
    if (code === 'RoleAssignmentLimitExceeded')
      throw refused(
        'The subscription may have no more role assignments.',
        'Azure takes 4,000 of them: remove those that nobody needs.',
      )
    if (code !== 'PrincipalNotFound') throw refused(`Azure refuses a role (\`${code}\`).`)
    if (tries === bounds.tries) throw unavailable('has not heard of a principal that is new')
    await rest(bounds.restMs, signal)
  }
}

export async function take(cloud: Cloud, { scope, name }: Assignment, signal: AbortSignal) {
  const path = `${scope}/${provider}/roleAssignments/${name}?${armVersion}`
  await cloud.call('arm', { method: 'DELETE', path, takes: [404] }, signal)
}

/** Of one lease, or grant, and role always the same: another principal under that name is refused. */
function idOf({ scope, role, description }: Giving): string {
  const hex = sha256(`${scope.toLowerCase()}\n${role}\n${description}`).toString('hex')
  const [a, b, c, d] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(13, 16), hex.slice(17, 20)]
  return `${a}-${b}-8${c}-a${d}-${hex.slice(20, 32)}`
}

export interface Agreed {
  readonly scope: string
  /** Ids of roles. */
  readonly roles: readonly string[]
}

/** Throws `Problem` `target-refused` for what was not named when Azure was connected. */
export function agreedOf({ config }: Cloud, order: HolderOrder): Agreed {
  ourName(order.holder)
  ourName(order.owner)
  const object = parseObject(order.object)
  if (order.columns.length > 0)
    throw refused('Azure gives no columns.', 'Ask for all of it, or for another resource.')
  const names = order.actions.flatMap(action => {
    const of = object.roles[action]
    if (of !== undefined) return of
    throw refused(`The resource does not say what \`${action}\` is there.`)
  })
  const roles = [...new Set(names)].map(name => {
    const id = Object.hasOwn(config.roles, name) ? config.roles[name] : undefined
    if (id !== undefined) return id
    const next = 'Who connected Azure adds it to `roles`, or the resource names another.'
    throw refused(`\`${name}\` is not among the roles that may be given.`, next)
  })
  return { scope: scopeOf(object), roles }
}
