/** What a pretend Google Cloud answers, path by path. Each of its hosts has paths of its own. */
import type { FakeAccount, FakePolicy, State } from './state.ts'
import * as hold from './state.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
}
export interface Asking {
  readonly state: State
  readonly url: URL
  readonly body: Readonly<Record<string, unknown>>
  /** Who is let in: a service account, or a principal of a pool. */
  readonly by: string
  /** Notes what Google would refuse as nonsense. */
  readonly breach: (what: string) => void
}
type Route = readonly [
  method: string,
  path: RegExp,
  /** What the admin needs; null: nothing. */
  needs: string | null,
  run: (asking: Asking, parts: readonly string[]) => Answer,
]

const ok = (body: unknown = {}): Answer => ({ status: 200, body })
export function no(status: number, word: string): Answer {
  return { status, body: { error: { code: status, message: `Google says ${word}`, status: word } } }
}
const missing = no(404, 'NOT_FOUND')

const id = '[a-z][a-z0-9-]{4,28}[a-z0-9]'
const email = `(${id}@${id}\\.iam\\.gserviceaccount\\.com)`
const route = (method: string, path: string, needs: string | null, run: Route[3]): Route => [
  method,
  new RegExp(`^${path}$`),
  needs,
  run,
]

export const routes: readonly Route[] = [
  route('POST', `/v1/projects/(${id})/serviceAccounts`, 'iam.serviceAccounts.create', make),
  route('GET', `/v1/projects/(${id})/serviceAccounts`, 'iam.serviceAccounts.list', list),
  route(
    'GET',
    `/v1/projects/${id}/serviceAccounts/${email}`,
    'iam.serviceAccounts.get',
    ({ state }, [at = '']) => {
      const account = listed(state, at)
      return account === undefined ? missing : ok(shown(account))
    },
  ),
  route(
    'POST',
    `/v1/projects/${id}/serviceAccounts/${email}:(disable|enable)`,
    'iam.serviceAccounts.disable',
    ({ state }, [at = '', verb]) => {
      const account = listed(state, at)
      if (account === undefined) return missing
      if (state.ending === 'honest') account.disabled = verb === 'disable'
      return ok()
    },
  ),
  route(
    'DELETE',
    `/v1/projects/${id}/serviceAccounts/${email}`,
    'iam.serviceAccounts.delete',
    ({ state }, [at = '']) => {
      const account = listed(state, at)
      if (account === undefined) return missing
      account.endedAt ??= state.clock.now()
      account.ending = state.ending
      if (account.ending === 'honest') hold.remove(state, account)
      return ok()
    },
  ),
  route(
    'GET',
    `/v1/projects/${id}/serviceAccounts/${email}/keys`,
    'iam.serviceAccountKeys.list',
    ({ state }, [at = '']) => {
      const account = listed(state, at)
      if (account === undefined) return missing
      const keys = account.keys.map(key => ({
        name: `projects/${account.project}/serviceAccounts/${at}/keys/${key.id}`,
        validAfterTime: '2026-01-05T08:00:00Z',
        validBeforeTime: key.validBefore,
        keyOrigin: 'GOOGLE_PROVIDED',
        keyType: 'USER_MANAGED',
      }))
      return ok(keys.length > 0 ? { keys } : {})
    },
  ),
  route('POST', `/v1/projects/-/serviceAccounts/${email}:generateAccessToken`, null, mint),
  route(
    'GET',
    `/v1/projects/(${id})/locations/global/workloadIdentityPools`,
    'iam.workloadIdentityPools.list',
    ({ state }, [project]) => {
      const names = state.providers.map(each => each.name.split('/providers/')[0] ?? '')
      const own = [...new Set(names)].filter(() => project === state.project)
      return ok({
        workloadIdentityPools: own.map(name => ({ name: name.slice(21), state: 'ACTIVE' })),
      })
    },
  ),
  route(
    'GET',
    '/v1/(projects/\\d+/locations/global/workloadIdentityPools/[a-z0-9-]+)/providers',
    'iam.workloadIdentityPoolProviders.list',
    ({ state }, [pool = '']) => {
      const own = state.providers.filter(({ name }) => name.includes(`${pool}/providers/`))
      const told = own.map(({ name, issuer }) => ({
        name: name.slice(21),
        oidc: { issuerUri: issuer },
        attributeCondition: 'assertion.sub.startsWith("connector/")',
      }))
      return ok({ workloadIdentityPoolProviders: told })
    },
  ),
  route(
    'GET',
    `/v1/projects/(${id})/locations/global/activityTypes/serviceAccountLastAuthentication/activities:query`,
    'policyanalyzer.serviceAccountLastAuthenticationActivities.query',
    ({ state }, [project]) => {
      if (state.lastUsed === undefined) return no(403, 'PERMISSION_DENIED')
      const activities = [...state.lastUsed].map(([at, lastAuthenticatedTime]) => ({
        fullResourceName: `//iam.googleapis.com/projects/${project}/serviceAccounts/${at}`,
        activityType: 'serviceAccountLastAuthentication',
        activity: { lastAuthenticatedTime },
      }))
      return ok({ activities })
    },
  ),
  route('GET', '/storage/v1/b/([a-z0-9._-]+)/iam', 'storage.buckets.getIamPolicy', (asking, [b]) =>
    readPolicy(asking, `bucket ${b}`, asking.url.searchParams.get('optionsRequestedPolicyVersion')),
  ),
  route('PUT', '/storage/v1/b/([a-z0-9._-]+)/iam', 'storage.buckets.setIamPolicy', (asking, [b]) =>
    writePolicy(asking, { place: `bucket ${b}`, policy: asking.body, conflict: 412 }),
  ),
  route('GET', '/storage/v1/b/([a-z0-9._-]+)/iam/testPermissions', null, (asking, [b]) =>
    test(asking, `bucket ${b}`, asking.url.searchParams.getAll('permissions')),
  ),
  route(
    'GET',
    `/v1/projects/(${id})/secrets/([\\w-]+):getIamPolicy`,
    'secretmanager.secrets.getIamPolicy',
    (asking, [p, s]) =>
      readPolicy(
        asking,
        `secret ${p}/${s}`,
        asking.url.searchParams.get('options.requestedPolicyVersion'),
      ),
  ),
  route(
    'POST',
    `/v1/projects/(${id})/secrets/([\\w-]+):setIamPolicy`,
    'secretmanager.secrets.setIamPolicy',
    (asking, [p, s]) =>
      writePolicy(asking, {
        place: `secret ${p}/${s}`,
        policy: asking.body['policy'],
        conflict: 409,
      }),
  ),
  route(
    'POST',
    `/v1/projects/(${id})/secrets/([\\w-]+):testIamPermissions`,
    null,
    (asking, [p, s]) => test(asking, `secret ${p}/${s}`, asking.body['permissions']),
  ),
  route(
    'POST',
    `/v3/projects/(${id}):getIamPolicy`,
    'resourcemanager.projects.getIamPolicy',
    (asking, [p]) => {
      const { requestedPolicyVersion: version } = (asking.body['options'] ?? {}) as {
        requestedPolicyVersion?: number
      }
      return readPolicy(asking, `project ${p}`, String(version))
    },
  ),
  route(
    'POST',
    `/v3/projects/(${id}):setIamPolicy`,
    'resourcemanager.projects.setIamPolicy',
    (asking, [p]) =>
      writePolicy(asking, { place: `project ${p}`, policy: asking.body['policy'], conflict: 409 }),
  ),
  route('POST', `/v3/projects/(${id}):testIamPermissions`, null, (asking, [p]) =>
    test(asking, `project ${p}`, asking.body['permissions']),
  ),
  // What the holder of a lease asks.
  use('GET', 'storage.objects.get'),
  use('POST', 'storage.objects.create'),
  use('DELETE', 'storage.objects.delete'),
]

function use(method: string, permission: string): Route {
  return route(method, '/storage/v1/b/([a-z0-9._-]+)/o/\\w+', null, ({ state, by }, [bucket]) =>
    hold.may(state, by, `bucket ${bucket}`, permission) ? ok() : no(403, 'PERMISSION_DENIED'),
  )
}

function listed(state: State, at: string): FakeAccount | undefined {
  const account = state.accounts.get(at)
  return account !== undefined && hold.isThere(state, account, 'lists') ? account : undefined
}

function shown({ email: at, project, uniqueId, displayName, description, disabled }: FakeAccount) {
  const name = `projects/${project}/serviceAccounts/${at}`
  const told = { name, projectId: project, uniqueId, email: at, etag: 'MDEwMjE5MjA=' }
  // What is empty or false, Google leaves out.
  const more = { displayName, description, disabled }
  return { ...told, ...Object.fromEntries(Object.entries(more).filter(([, value]) => value)) }
}

function make({ state, body, breach }: Asking, [project]: readonly string[]): Answer {
  const { accountId = '', serviceAccount = {} } = body as {
    accountId?: string
    serviceAccount?: { displayName?: string; description?: string }
  }
  const { displayName = '', description = '' } = serviceAccount
  const isFit =
    new RegExp(`^${id}$`).test(accountId) &&
    Buffer.byteLength(displayName) <= 100 &&
    Buffer.byteLength(description) <= 256
  if (!isFit) breach(`no service account of Google's form: ${accountId} ${displayName}`)
  if (!isFit || project === undefined) return no(400, 'INVALID_ARGUMENT')
  if (state.accounts.has(`${accountId}@${project}.iam.gserviceaccount.com`))
    return no(409, 'ALREADY_EXISTS')
  const own = [...state.accounts.values()].filter(each => each.project === project)
  if (own.length >= state.quota) {
    const message = 'Maximum number of service accounts on project reached.'
    return { status: 429, body: { error: { code: 429, message, status: 'RESOURCE_EXHAUSTED' } } }
  }
  const { unheard } = state
  return ok(
    shown(hold.newAccount(state, accountId, { displayName, description, project, unheard })),
  )
}

function list({ state, url, breach }: Asking, [project]: readonly string[]): Answer {
  const size = Number(url.searchParams.get('pageSize') ?? 20)
  if (!(size >= 1 && size <= 100)) breach(`pageSize ${size}`)
  const from = url.searchParams.get('pageToken') ?? ''
  const all = [...state.accounts.values()]
    .filter(each => each.project === project && hold.isThere(state, each, 'lists'))
    .sort((a, b) => (a.email < b.email ? -1 : 1))
    .filter(each => each.email > from)
  const page = all.slice(0, size)
  const next = all.length > size ? page.at(-1)?.email : undefined
  return ok({ accounts: page.map(shown), ...(next && { nextPageToken: next }) })
}

function mint({ state, by, body, breach }: Asking, [at = '']: readonly string[]): Answer {
  const { scope, lifetime = '3600s' } = body as { scope?: unknown; lifetime?: string }
  const seconds = Number(/^(\d+)s$/.exec(lifetime)?.[1])
  const isFit = Array.isArray(scope) && scope.length > 0 && seconds > 0 && seconds <= 3600
  if (!isFit) breach(`no token can be asked for so: ${JSON.stringify(body)}`)
  if (!isFit) return no(400, 'INVALID_ARGUMENT')
  const expireTime = (token: hold.FakeToken) => ({
    accessToken: token.value,
    expireTime: `${token.diesAt.slice(0, 19)}Z`,
  })
  if (at === state.admin)
    return state.mayActAsAdmin.has(by)
      ? ok(expireTime(hold.newToken(state, at, seconds)))
      : no(403, 'PERMISSION_DENIED')
  const denied = by !== state.admin || state.lacks.has('iam.serviceAccounts.getAccessToken')
  const account = state.accounts.get(at)
  if (account !== undefined && account.unheard-- > 0) return missing
  if (denied) return no(403, 'PERMISSION_DENIED')
  if (account === undefined || !hold.isThere(state, account, 'token')) return missing
  if (account.disabled) return no(400, 'FAILED_PRECONDITION')
  return ok(expireTime(hold.newToken(state, at, seconds)))
}

function readPolicy({ state, breach }: Asking, place: string, version: string | null): Answer {
  const policy = state.policies.get(place)
  if (policy === undefined) return missing
  // Below version 3 Google leaves conditions out, and who writes that back takes them away.
  if (version !== '3') breach(`the policy of ${place} was read at version ${version}`)
  return ok({ kind: 'policy', ...structuredClone(policy) })
}

interface Writing {
  readonly place: string
  readonly policy: unknown
  readonly conflict: number
}

function writePolicy(asking: Asking, { place, policy, conflict }: Writing): Answer {
  const { state, breach } = asking
  const now = state.policies.get(place)
  if (now === undefined) return missing
  if (state.contention-- > 0) now.etag = hold.newEtag()
  const { etag, version, bindings } = policy as Partial<FakePolicy>
  if (etag === undefined || !Array.isArray(bindings)) {
    breach(`a policy of ${place} without etag or bindings`)
    return no(400, 'INVALID_ARGUMENT')
  }
  if (etag !== now.etag) return no(conflict, 'ABORTED')
  const isConditional = bindings.some(each => each.condition !== undefined)
  if (isConditional && version !== 3) breach('conditions below version 3')
  for (const { role, members, condition } of bindings) {
    if (members.length === 0) breach(`a binding of nobody to ${role}`)
    if (/^roles\/(owner|editor|viewer)$/.test(role) && condition) return no(400, 'INVALID_ARGUMENT')
    if (condition && Buffer.byteLength(condition.title) > 100) return no(400, 'INVALID_ARGUMENT')
    for (const member of members) {
      const at = /^serviceAccount:(.*)$/.exec(member)?.[1]
      const account = at === undefined ? undefined : state.accounts.get(at)
      if (at !== undefined && (account === undefined || account.unheard-- > 0))
        return no(400, 'INVALID_ARGUMENT')
    }
  }
  const next = { version: version ?? 1, etag: hold.newEtag(), bindings: structuredClone(bindings) }
  state.policies.set(place, next)
  return ok(structuredClone(next))
}

/** Whoever is let in is told what of these they may. */
function test({ state, by }: Asking, place: string, asked: unknown): Answer {
  const all = Array.isArray(asked) ? asked.filter(each => typeof each === 'string') : []
  const permissions = all.filter(each => hold.may(state, by, place, each))
  return ok(permissions.length > 0 ? { permissions } : {})
}
