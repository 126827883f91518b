/** What a pretend Microsoft Graph and Resource Manager answer, path by path. */
import { randomBytes, randomUUID } from 'node:crypto'
import { parseInstant } from '../../../src/core/base/time.ts'
import type { FakeApp, FakeAssignment, State } from './state.ts'
import * as hold from './state.ts'

export interface Answer {
  readonly status: number
  readonly body?: unknown
}
export interface Asking {
  readonly state: State
  readonly url: URL
  readonly body: Readonly<Record<string, unknown>>
  /** The object id of who is let in. */
  readonly by: string
  readonly prefer: string
  readonly breach: (what: string) => void
}
export interface Route {
  readonly method: string
  readonly path: RegExp
  readonly host: 'graph' | 'arm'
  /** What the admin needs; undefined: whoever is let in may ask. */
  readonly needs: string | undefined
  readonly run: (asking: Asking, parts: readonly string[]) => Answer
}

const ok = (body: unknown): Answer => ({ status: 200, body })
const done: Answer = { status: 204 }
export function no(status: number, code: string): Answer {
  return { status, body: { error: { code, message: `Azure says ${code}` } } }
}
const missing = no(404, 'Request_ResourceNotFound')

const id = '([0-9a-f-]{36})'
const readApps = 'Application.Read.All'
const writeApps = 'Application.ReadWrite.OwnedBy'
const readRoles = 'Microsoft.Authorization/roleAssignments/read'
const writeRoles = 'Microsoft.Authorization/roleAssignments/write'

const graph = (method: string, path: string, needs: string, run: Route['run']): Route => ({
  method,
  path: new RegExp(`^/v1\\.0${path}$`),
  host: 'graph',
  needs,
  run,
})
const arm = (
  method: string,
  path: string,
  needs: string | undefined,
  run: Route['run'],
): Route => ({ method, path: new RegExp(`^${path}$`), host: 'arm', needs, run })
const scope = `(/subscriptions/${id}(?:/resourceGroups/([\\w().-]+)(?:/providers/[\\w./-]+?)?)?)`
const roles = '/providers/Microsoft\\.Authorization/roleAssignments'

export const routes: readonly Route[] = [
  graph('PATCH', "/applications\\(uniqueName='(\\w+)'\\)", writeApps, upsert),
  graph('GET', "/applications\\(uniqueName='(\\w+)'\\)", readApps, ({ state }, [name = '']) => {
    const app = named(state, name)
    return app === undefined ? missing : ok(shown(app))
  }),
  graph('DELETE', "/applications\\(uniqueName='(\\w+)'\\)", writeApps, removeApp),
  graph('GET', '/applications', readApps, asking => {
    const all = [...asking.state.apps.values()].filter(each => isThere(asking.state, each))
    return page(asking, all, shown)
  }),
  graph('POST', `/applications/${id}/addPassword`, writeApps, addPassword),
  graph('POST', `/applications/${id}/removePassword`, writeApps, ({ state, body }, [app = '']) => {
    const found = state.apps.get(app)
    if (found === undefined) return missing
    found.passwords = found.passwords.filter(({ keyId }) => keyId !== body['keyId'])
    return done
  }),
  graph('GET', `/applications/${id}/federatedIdentityCredentials`, readApps, (asking, [app = '']) =>
    page(asking, asking.state.apps.get(app)?.trusts ?? [], each => each),
  ),
  graph('POST', `/applications/${id}/federatedIdentityCredentials`, writeApps, addTrust),
  graph(
    'DELETE',
    `/applications/${id}/federatedIdentityCredentials\\(name='(\\w+)'\\)`,
    writeApps,
    ({ state }, [app = '', name]) => {
      const found = state.apps.get(app)
      if (found) found.trusts = found.trusts.filter(each => each.name !== name)
      return done
    },
  ),
  graph('POST', '/servicePrincipals', writeApps, makePrincipal),
  graph('GET', `/servicePrincipals\\(appId='${id}'\\)`, readApps, ({ state }, [appId]) => {
    const found = [...state.principals.values()].find(each => each.appId === appId)
    if (found === undefined || found.isDeleted) return missing
    return ok({ id: found.id, accountEnabled: found.accountEnabled })
  }),
  graph('GET', '/servicePrincipals', readApps, asking => {
    const { state } = asking
    const all = [...state.principals.values()].filter(each => !each.isDeleted)
    return page(asking, all, ({ id: own, appId, displayName, accountEnabled }) => {
      const facts = { id: own, appId, displayName, accountEnabled }
      return { ...facts, servicePrincipalType: 'Application', appOwnerOrganizationId: state.tenant }
    })
  }),
  graph(
    'GET',
    `/servicePrincipals/${id}/appRoleAssignments`,
    'Directory.Read.All',
    (asking, [of = '']) => {
      const given = asking.state.principals.get(of)?.given ?? []
      return page(asking, given, each => ({
        id: each.id,
        appRoleId: each.role,
        resourceDisplayName: each.to,
        createdDateTime: '2026-01-05T08:00:00Z',
      }))
    },
  ),
  graph(
    'GET',
    '/directory/deletedItems/microsoft\\.graph\\.(application|servicePrincipal)',
    readApps,
    listDeleted,
  ),
  graph('DELETE', `/directory/deletedItems/${id}`, writeApps, ({ state }, [of = '']) => {
    const [app, principal] = [state.apps.get(of), state.principals.get(of)]
    if (!app?.isDeleted && !principal?.isDeleted) return missing
    if (app !== undefined && !hold.isListed(state, app)) state.apps.delete(of)
    else if (app !== undefined) purged.add(app)
    if (principal !== undefined) state.principals.delete(of)
    return done
  }),
  arm('GET', '/subscriptions', undefined, ({ state }) =>
    ok({ value: [{ subscriptionId: state.subscription }] }),
  ),
  arm('GET', `${scope}${roles}`, readRoles, listAssignments),
  arm('PUT', `${scope}${roles}/${id}`, writeRoles, assign),
  arm('DELETE', `${scope}${roles}/${id}`, writeRoles, ({ state }, parts) => {
    const found = state.assignments.get(parts.at(-1) ?? '')
    if (found === undefined || !hold.isListed(state, found)) return done
    found.endedAt ??= state.clock.now()
    found.ending = state.ending
    if (state.ending === 'honest') state.assignments.delete(found.name)
    return ok({})
  }),
  arm('GET', `${scope}/providers/Microsoft\\.Authorization/permissions`, undefined, permissions),
  // What the holder of a lease asks.
  use('GET', '/resources', 'acdd72a7-3385-48ef-bd42-f606fba81ae7'),
  use(
    'PUT',
    '/providers/Microsoft\\.Resources/tags/default',
    '4a9ae827-6dc8-4573-8ac7-8239d42aa03f',
  ),
  use('DELETE', '/providers/Microsoft\\.Web/sites/desk', 'nobody has it'),
]

/** Deleted for good, and shown for a while yet. */
const purged = new WeakSet<FakeApp>()

function use(method: string, path: string, role: string): Route {
  return arm(method, `${scope}${path}`, undefined, ({ state, by }, [at = '']) =>
    hold.rolesOn(state, by, at).includes(role) ? ok({}) : no(403, 'AuthorizationFailed'),
  )
}

const isThere = (state: State, app: FakeApp) =>
  app.isDeleted ? app.ending !== 'honest' && hold.isListed(state, app) : true

function named(state: State, name: string): FakeApp | undefined {
  return [...state.apps.values()].find(each => each.uniqueName === name && isThere(state, each))
}

function shown(app: FakeApp) {
  const { id: own, appId, displayName, uniqueName, notes, madeAt, owners } = app
  const passwordCredentials = app.passwords.map(({ secret: _, ...rest }) => rest)
  const facts = { id: own, appId, displayName, uniqueName, notes, createdDateTime: madeAt, owners }
  return { ...facts, passwordCredentials, keyCredentials: app.keys }
}

/** Pages of a hundred at most, and the next one as a whole address. */
function page<T>({ state, url }: Asking, all: readonly T[], show: (one: T) => unknown): Answer {
  const top = Math.min(Number(url.searchParams.get('$top') ?? 100), 100)
  const from = Number(url.searchParams.get('$skiptoken') ?? 0)
  const value = all.slice(from, from + top).map(show)
  const next = new URL(url)
  next.searchParams.set('$skiptoken', String(from + top))
  const link = state.strayLink ?? next.href
  return ok({ value, ...(all.length > from + top && { '@odata.nextLink': link }) })
}

function upsert({ state, body, prefer, breach }: Asking, [name = '']: readonly string[]): Answer {
  if (prefer !== 'create-if-missing') breach('an application that is not made if it is missing')
  const { displayName, notes = null, signInAudience } = body as Record<string, string | undefined>
  if (!displayName || (notes?.length ?? 0) > 1_024) breach(`no application: ${name}`)
  if (signInAudience !== 'AzureADMyOrg') breach('an application for other tenants')
  if (named(state, name) !== undefined) return done
  const app = hold.newApp(state, { displayName: displayName ?? '', uniqueName: name, notes })
  return { status: 201, body: shown(app) }
}

function removeApp({ state }: Asking, [name = '']: readonly string[]): Answer {
  const app = named(state, name)
  if (app === undefined) return missing
  if (state.ending === 'lies') return done
  app.isDeleted = true
  app.endedAt ??= state.clock.now()
  app.ending = state.ending
  for (const each of state.principals.values()) if (each.appId === app.appId) each.isDeleted = true
  return done
}

function addPassword({ state, body, breach }: Asking, [of = '']: readonly string[]): Answer {
  const app = state.apps.get(of)
  if (app === undefined || app.isDeleted || app.unheard-- > 0) return missing
  const { displayName = '', endDateTime = '' } = (body['passwordCredential'] ?? {}) as {
    displayName?: string
    endDateTime?: string
  }
  const until = parseInstant(endDateTime)
  if (until === null) breach('a secret without an end')
  const secret = randomBytes(30).toString('base64url')
  const own = { keyId: randomUUID(), displayName, endDateTime: until ?? state.clock.now(), secret }
  app.passwords.push(own)
  return ok({ ...own, secret: undefined, secretText: secret })
}

function addTrust({ state, body, breach }: Asking, [of = '']: readonly string[]): Answer {
  const app = state.apps.get(of)
  if (app === undefined || app.isDeleted || app.unheard-- > 0) return missing
  const { name, issuer, subject, audiences } = body as Partial<hold.FakeTrust>
  if (!name || !issuer || !subject || audiences?.length !== 1) {
    breach(`no trust: ${JSON.stringify(body)}`)
    return no(400, 'Request_BadRequest')
  }
  if (app.trusts.length === 20) return no(400, 'Request_BadRequest')
  const isTaken = app.trusts.some(
    each => each.name === name || (each.issuer === issuer && each.subject === subject),
  )
  if (isTaken) return no(409, 'Request_MultipleObjectsWithSameKeyValue')
  app.trusts.push({ id: randomUUID(), name, issuer, subject, audiences })
  return { status: 201, body: {} }
}

function makePrincipal({ state, body }: Asking): Answer {
  const { appId = '', accountEnabled = true } = body as { appId?: string; accountEnabled?: boolean }
  const app = [...state.apps.values()].find(each => each.appId === appId && !each.isDeleted)
  if (app === undefined || app.unheard-- > 0)
    return no(state.refusesNew ? 403 : 400, 'Authorization_RequestDenied')
  if ([...state.principals.values()].some(each => each.appId === appId))
    return no(409, 'Request_MultipleObjectsWithSameKeyValue')
  return { status: 201, body: { id: hold.newPrincipal(state, app, accountEnabled).id } }
}

function listDeleted(asking: Asking, [kind]: readonly string[]): Answer {
  const { state, url } = asking
  const name = /^displayName eq '(\w+)'$/.exec(url.searchParams.get('$filter') ?? '')?.[1]
  if (name === undefined) asking.breach(`deleted items by ${url.search}`)
  const apps = [...state.apps.values()].filter(each => !purged.has(each))
  const all = kind === 'application' ? apps : [...state.principals.values()]
  const found = all.filter(each => each.isDeleted && each.displayName === name)
  return page(asking, found, each => ({ id: each.id }))
}

function listAssignments(asking: Asking, [at = '', , group]: readonly string[]): Answer {
  const { state, url } = asking
  if (group !== undefined && !state.groups.has(group)) return no(404, 'ResourceGroupNotFound')
  const filter = url.searchParams.get('$filter') ?? ''
  const of = /^principalId eq '([0-9a-f-]{36})'$/.exec(filter)?.[1]
  if (of === undefined && filter !== 'atScope()') asking.breach(`assignments by ${filter}`)
  const isAsked = (each: FakeAssignment) => {
    const below = each.scope.toLowerCase().startsWith(at.toLowerCase())
    const above = at.toLowerCase().startsWith(each.scope.toLowerCase())
    return of === undefined ? above : each.principalId === of && (below || above)
  }
  const all = [...state.assignments.values()].filter(each => hold.isListed(state, each))
  return page(asking, all.filter(isAsked), each => ({
    id: `${each.scope}/providers/Microsoft.Authorization/roleAssignments/${each.name}`,
    name: each.name,
    properties: {
      scope: each.scope,
      principalId: each.principalId,
      roleDefinitionId: `/subscriptions/${state.subscription}/providers/Microsoft.Authorization/roleDefinitions/${each.role}`,
      description: each.description === '' ? null : each.description,
    },
  }))
}

function assign({ state, body, breach }: Asking, parts: readonly string[]): Answer {
  const [at = '', , group, name = ''] = parts
  if (group === undefined || !state.groups.has(group)) return no(404, 'ResourceGroupNotFound')
  const { properties = {} } = body as { properties?: Record<string, string | undefined> }
  const { roleDefinitionId = '', principalId = '', principalType, description = '' } = properties
  if (principalType !== 'ServicePrincipal') breach('a principal of no type: replicas are asked')
  const principal = state.principals.get(principalId)
  const app = [...state.apps.values()].find(each => each.appId === principal?.appId)
  if (principal === undefined || (app && app.unheard-- > 0)) return no(400, 'PrincipalNotFound')
  const role = roleDefinitionId.slice(roleDefinitionId.lastIndexOf('/') + 1)
  const facts = { name, scope: at, role, principalId, description }
  const same = [...state.assignments.values()].find(
    each =>
      each.name === name ||
      (each.scope === at && each.role === role && each.principalId === principalId),
  )
  if (same !== undefined) {
    const isSame = same.name === name && same.principalId === principalId && same.role === role
    return isSame ? ok({}) : no(409, 'RoleAssignmentExists')
  }
  if (state.assignments.size >= state.mostAssignments) return no(400, 'RoleAssignmentLimitExceeded')
  state.assignments.set(name, { ...facts, endedAt: null, ending: 'honest' })
  return { status: 201, body: {} }
}

function permissions({ state, by }: Asking, [at = '']: readonly string[]): Answer {
  if (by !== state.admin.oid && state.slowRights-- > 0) return no(403, 'AuthorizationFailed')
  const has = hold.rolesOn(state, by, at)
  return has.length === 0
    ? no(403, 'AuthorizationFailed')
    : ok({ value: [{ actions: ['*/read'] }] })
}
