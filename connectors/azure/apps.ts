/**
 * Applications of ours with their service principals: made, found, stopped, deleted for good. What is
 * deleted lies thirty days where it can be brought back; gone is only what was taken out of there too.
 */
import { z } from 'zod'
import { type Json, parseJson } from '../../src/core/base/json.ts'
import { ourName } from '../rest/names.ts'
import type { Cloud } from './cloud.ts'
import { parseScope } from './config.ts'
import { readAs, refused, rest, unavailable } from './login.ts'

const bounds = { tries: 12, restMs: 500 }
const guid = z.string().regex(/^[0-9a-f-]{36}$/)
const appShape = z.object({
  id: guid,
  appId: guid,
  notes: z.string().nullable().default(null),
  passwordCredentials: z.array(z.unknown()).default([]),
  keyCredentials: z.array(z.unknown()).default([]),
})
const principalShape = z.object({ id: guid, accountEnabled: z.boolean() })
const markShape = z.object({ of: z.string(), at: z.string() })
const kinds = ['application', 'servicePrincipal'] as const

export type App = z.infer<typeof appShape>
/** What stands beside it there: of whom it is, and where its rights are. */
export interface Mark {
  readonly of: string
  readonly at: string
}

const pathOf = (name: string) => `/v1.0/applications(uniqueName='${ourName(name)}')`
const principalOf = ({ appId }: App) => `/v1.0/servicePrincipals(appId='${appId}')`

export async function findApp(cloud: Cloud, name: string, signal: AbortSignal) {
  const path = `${pathOf(name)}?$select=id,appId,notes,passwordCredentials,keyCredentials`
  const answer = await cloud.call('graph', { method: 'GET', path, takes: [404] }, signal)
  return answer.status === 404 ? undefined : readAs(appShape, answer.body)
}

export async function findPrincipal(cloud: Cloud, app: App, signal: AbortSignal) {
  const path = `${principalOf(app)}?$select=id,accountEnabled`
  const answer = await cloud.call('graph', { method: 'GET', path, takes: [404] }, signal)
  return answer.status === 404 ? undefined : readAs(principalShape, answer.body)
}

/** One that is there already is taken. Nobody of another tenant may use it. */
export async function makeApp(
  cloud: Cloud,
  { name, mark, isEnabled }: { name: string; mark: Mark; isEnabled: boolean },
  signal: AbortSignal,
): Promise<{ readonly app: App; readonly principalId: string }> {
  const body = {
    displayName: ourName(name),
    signInAudience: 'AzureADMyOrg',
    notes: JSON.stringify(mark),
  }
  const upsert = { method: 'PATCH', path: pathOf(name), prefer: 'create-if-missing', body } as const
  await cloud.call('graph', { ...upsert, takes: [409] }, signal)
  for (let tries = 1; tries <= bounds.tries; tries++) {
    const app = await findApp(cloud, name, signal)
    const principal = app && (await findPrincipal(cloud, app, signal))
    // ATTACKER: who made one of that name before us, to sign in as it.
    if ((app?.passwordCredentials.length ?? 0) + (app?.keyCredentials.length ?? 0) > 0)
      throw refused(`Somebody gave \`${name}\` a credential.`, 'Find out who, and remove it.')
    if (app !== undefined && principal?.accountEnabled === isEnabled)
      return { app, principalId: principal.id }
    if (principal !== undefined)
      throw refused(`\`${name}\` is ${isEnabled ? 'disabled' : 'enabled'}, which we did not do.`)
    // Replicas know an application a while later: then this is refused, also as if we had no right to it.
    const isMade = app !== undefined && (await makePrincipal(cloud, app, isEnabled, signal))
    if (!isMade) await rest(bounds.restMs, signal)
  }
  throw unavailable('has not heard of an application that was made a moment ago')
}

async function makePrincipal(
  { call }: Cloud,
  { appId }: App,
  accountEnabled: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const body = { appId, accountEnabled }
  const made = { method: 'POST', path: '/v1.0/servicePrincipals', body } as const
  return (await call('graph', { ...made, takes: [400, 403, 404, 409] }, signal)).status < 300
}

/** Whatever of it is there, deleted and then deleted for good; the second also where the first failed. */
export async function removeApp({ call, readAll }: Cloud, name: string, signal: AbortSignal) {
  const remove = (path: string) =>
    call('graph', { method: 'DELETE', path, takes: [404] } as const, signal)
  const [deleted] = await Promise.allSettled([remove(pathOf(name))])
  for (const id of await listDeleted({ readAll }, name, signal))
    await remove(`/v1.0/directory/deletedItems/${id}`)
  if (deleted.status === 'rejected') throw deleted.reason
}

/** Ids of what was deleted under that name and could be brought back. */
export async function listDeleted(
  cloud: Pick<Cloud, 'readAll'>,
  name: string,
  signal: AbortSignal,
) {
  const filter = encodeURIComponent(`displayName eq '${ourName(name)}'`)
  const lists = kinds.map(kind =>
    cloud.readAll(
      'graph',
      `/v1.0/directory/deletedItems/microsoft.graph.${kind}?$filter=${filter}&$select=id`,
      signal,
    ),
  )
  return (await Promise.all(lists)).flat().map(each => readAs(z.object({ id: guid }), each).id)
}

/** Undefined where somebody wrote something else. ATTACKER: who may write there. */
export function markOf(notes: Json | undefined): Mark | undefined {
  try {
    const said = parseJson(typeof notes === 'string' ? notes : '')
    const { of, at } = markShape.parse(said)
    const scope = parseScope(at)
    return scope === undefined ? undefined : { of: ourName(of), at: scope }
  } catch {
    return undefined
  }
}
