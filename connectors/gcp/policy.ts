/**
 * Who may do what on one thing: its own policy, read and written whole, at version 3 and with its etag.
 * What several ask for at once is written at once: Google bounds how often a policy may change.
 *
 * INVARIANT: what is not ours in a policy is written back as it was read, and never over a change of
 * somebody else: without an etag nothing is written.
 */
import { z } from 'zod'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { ownTime, waitFor } from '../rest/own-token.ts'
import {
  type Cloud,
  type Request,
  readAs,
  refused,
  rest,
  type Service,
  unavailable,
} from './cloud.ts'
import type { GcpPlace } from './config.ts'

const bounds = { tries: 12, restMs: 250, longestRestMs: 2_000 }

const conditionShape = z.looseObject({ title: z.string(), expression: z.string() })
const bindingShape = z.looseObject({
  role: z.string(),
  members: z.array(z.string()).default([]),
  condition: conditionShape.optional(),
})
const policyShape = z.looseObject({
  etag: z.string().min(1),
  bindings: z.array(bindingShape).default([]),
})
export interface Binding {
  readonly [more: string]: unknown
  readonly role: string
  readonly members: readonly string[]
  readonly condition?: Condition | undefined
}
interface Condition {
  readonly title: string
  readonly expression: string
}

/** A thing with a policy of its own. */
export interface Place {
  /** What it is, in words; one for each. */
  readonly name: string
  readonly of: Json
  readonly service: Service
  readonly read: Request
  readonly write: (policy: Json) => Request
  /** Which of these permissions whoever asks has. */
  readonly test: (permission: string) => Request
}

export function placeOf({ bucket, project = '', secret }: GcpPlace): Place {
  if (bucket !== undefined) {
    const path = `/storage/v1/b/${bucket}/iam`
    return {
      name: `bucket ${bucket}`,
      of: { bucket },
      service: 'storage',
      read: { method: 'GET', path: `${path}?optionsRequestedPolicyVersion=3` },
      write: body => ({ method: 'PUT', path, body }),
      test: permission => ({
        method: 'GET',
        path: `${path}/testPermissions?permissions=${permission}`,
      }),
    }
  }
  const post = (path: string, body: Json): Request => ({ method: 'POST', path, body })
  const isSecret = secret !== undefined
  const path = isSecret ? `/v1/projects/${project}/secrets/${secret}` : `/v3/projects/${project}`
  const read: Request = isSecret
    ? { method: 'GET', path: `${path}:getIamPolicy?options.requestedPolicyVersion=3` }
    : post(`${path}:getIamPolicy`, { options: { requestedPolicyVersion: 3 } })
  return {
    name: isSecret ? `secret ${project}/${secret}` : `project ${project}`,
    of: { project, ...(isSecret && { secret }) },
    service: isSecret ? 'secrets' : 'projects',
    read,
    write: policy => post(`${path}:setIamPolicy`, { policy }),
    test: permission => post(`${path}:testIamPermissions`, { permissions: [permission] }),
  }
}

/** None where there is no such thing any more: nobody has rights on it. */
export async function readBindings(cloud: Pick<Cloud, 'call'>, place: Place, signal: AbortSignal) {
  return (await readPolicy(cloud, place, signal))?.bindings ?? []
}

async function readPolicy({ call }: Pick<Cloud, 'call'>, place: Place, signal: AbortSignal) {
  const answer = await call(place.service, { ...place.read, takes: [404] }, signal)
  return answer.status === 404 ? undefined : readAs(policyShape, answer.body)
}

export type Edit = (bindings: readonly Binding[]) => readonly Binding[]
interface Asked {
  readonly edit: Edit
  readonly done: () => void
  readonly fail: (thrown: unknown) => void
}
export type Policies = ReturnType<typeof openPolicies>

export function openPolicies(cloud: Cloud) {
  const lines = new Map<string, Asked[]>()

  async function work(place: Place, line: Asked[]): Promise<void> {
    while (line.length > 0) await writeAll(cloud, place, line.splice(0))
    lines.delete(place.name)
  }

  return {
    /** Returns once it is written. `edit` may be called again on a newer policy, and may throw. */
    change(place: Place, edit: Edit, signal: AbortSignal): Promise<void> {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const asked = { edit, done: resolve, fail: reject }
      const line = lines.get(place.name)
      if (line === undefined) {
        const fresh = [asked]
        lines.set(place.name, fresh)
        void work(place, fresh)
      } else line.push(asked)
      return waitFor('Google Cloud', promise, signal)
    },
  }
}

/** Together; and each by itself where Google refuses something in it. */
async function writeAll(cloud: Cloud, place: Place, all: readonly Asked[]): Promise<void> {
  try {
    const written = await write(cloud, place, all)
    for (const each of written) each.done()
  } catch (thrown) {
    const isOfOne = isProblem(thrown, 'target-refused') && all.length > 1
    if (isOfOne) for (const each of all) await writeAll(cloud, place, [each])
    else for (const each of all) each.fail(thrown)
  }
}

/** Those whose edit was written. Who changes it meanwhile is read again; an account that is new is waited for. */
async function write(cloud: Cloud, place: Place, all: readonly Asked[]): Promise<Asked[]> {
  const signal = ownTime()
  for (let tries = 1; ; tries++) {
    const policy = await readPolicy(cloud, place, signal)
    const { bindings, made } = editAll(policy?.bindings ?? [], all)
    if (isSame(bindings, policy?.bindings ?? [])) return made
    if (policy === undefined) throw refused(`Google Cloud does not show us ${place.name}.`)
    const next = { ...policy, version: 3, bindings } as JsonObject
    const request = { ...place.write(next), takes: [400, 409, 412] }
    const { status } = await cloud.call(place.service, request, signal)
    if (status < 300) return made
    // 400: an account that Google's replicas have not heard of; or it is wrong for good.
    if (status === 400 && (all.length > 1 || tries === bounds.tries))
      throw refused(`Google does not take the policy of ${place.name}.`)
    if (tries === bounds.tries)
      throw unavailable(`changes the policy of ${place.name} all the time`)
    const ms = Math.min(bounds.restMs * tries, bounds.longestRestMs)
    await rest(ms * (0.5 + Math.random()), signal)
  }
}

function editAll(before: readonly Binding[], all: readonly Asked[]) {
  let bindings: readonly Binding[] = before
  const made: Asked[] = []
  for (const each of all) {
    try {
      bindings = each.edit(bindings)
      made.push(each)
    } catch (thrown) {
      each.fail(thrown)
    }
  }
  return { bindings, made }
}

function isSame(one: readonly Binding[], other: readonly Binding[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Of a service account that is gone Google keeps the name, with what it was. */
export function isOf(member: string, email: string): boolean {
  return (
    member === `serviceAccount:${email}` ||
    member.startsWith(`deleted:serviceAccount:${email}?uid=`)
  )
}

export function withMember(
  bindings: readonly Binding[],
  { role, condition }: { readonly role: string; readonly condition?: Condition },
  email: string,
): readonly Binding[] {
  const member = `serviceAccount:${email}`
  const isIt = (each: Binding) =>
    each.role === role &&
    each.condition?.title === condition?.title &&
    each.condition?.expression === condition?.expression
  const found = bindings.find(isIt)
  const made = { role, members: [member], ...(condition && { condition }) }
  if (found === undefined) return [...bindings, made]
  if (found.members.includes(member)) return bindings
  return bindings.map(each =>
    each === found ? { ...each, members: [...each.members, member] } : each,
  )
}

/** Of those bindings alone; what nobody is left in goes. */
export function withoutMember(
  bindings: readonly Binding[],
  email: string,
  isMeant: (binding: Binding) => boolean,
): readonly Binding[] {
  return bindings.flatMap(each => {
    if (!isMeant(each) || !each.members.some(member => isOf(member, email))) return [each]
    const members = each.members.filter(member => !isOf(member, email))
    return members.length === 0 ? [] : [{ ...each, members }]
  })
}
