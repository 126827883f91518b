/** What the pretend GitHub answers to each request it knows, and which permission that takes. */
import {
  type FakeRepository,
  type FakeToken,
  isAlive,
  type Level,
  makeToken,
  type Permissions,
  type Row,
  type State,
} from './state.ts'

export interface Asking {
  readonly state: State
  readonly method: string
  readonly url: URL
  readonly body: Record<string, unknown>
  /** Of who asks; undefined: the App itself. */
  readonly token: FakeToken | undefined
}
export interface Answer {
  readonly status: number
  /** Facts alone: what else the vendor's answer has is filled in. */
  readonly facts?: unknown
  readonly headers?: Record<string, string>
}
export interface Route {
  readonly method: string
  readonly path: RegExp
  readonly by: 'app' | 'token'
  readonly needs?: readonly [permission: string, level: Level]
  readonly answer: (asking: Asking, parts: readonly string[]) => Answer
}

export const no = (status: number, message: string): Answer => ({ status, facts: { message } })
const ok = (facts: unknown): Answer => ({ status: 200, facts })
const notFound = no(404, 'Not Found')

export const routes: readonly Route[] = [
  app('GET', '/app', ({ state }) => ok(aboutApp(state))),
  app('GET', '/app/installations/(\\d+)', ({ state }, [id]) =>
    id === String(state.installation.id) ? ok(aboutInstallation(state)) : notFound,
  ),
  app('GET', '/repos/([^/]+)/([^/]+)/installation', ({ state }, [owner, name]) =>
    repositoryOf(state, owner, name)?.isInstalled ? ok(aboutInstallation(state)) : notFound,
  ),
  app('POST', '/app/installations/(\\d+)/access_tokens', giveToken),
  token('DELETE', '/installation/token', undefined, ({ state, token: own }) => {
    if (own !== undefined) {
      own.endedAt ??= state.clock.now()
      own.ending = state.ending
    }
    return { status: 204 }
  }),
  token('GET', '/installation/repositories', undefined, asking => {
    const seen = asking.state.repositories.filter(each => isIn(asking.token, each))
    const rows = seen.map(each => aboutRepository(asking.state, each))
    return paged(asking, rows, 'repositories')
  }),
  inRepository('GET', '', ['metadata', 'read'], ({ state }, repository) =>
    ok(aboutRepository(state, repository)),
  ),
  inRepository('GET', '/branches', ['contents', 'read'], asking =>
    paged(asking, [{ name: 'main', commit: { sha: 'f'.repeat(40) }, protected: true }]),
  ),
  inRepository('GET', '/labels', ['issues', 'read'], (asking, { labels }) => paged(asking, labels)),
  inRepository('POST', '/labels', ['issues', 'write'], ({ body }, { labels }) => {
    const label = { id: labels.length + 1, name: body['name'], color: body['color'] ?? 'ededed' }
    labels.push(label)
    return { status: 201, facts: label }
  }),
  inRepository('GET', '/keys', ['administration', 'read'], (asking, { keys }) =>
    paged(asking, keys),
  ),
  inRepository('GET', '/actions/secrets', ['secrets', 'read'], (asking, { secrets }) =>
    paged(asking, secrets, 'secrets'),
  ),
  inRepository('GET', '/actions/variables', ['actions_variables', 'read'], (asking, of) =>
    paged(asking, of.variables, 'variables'),
  ),
  inRepository('GET', '/hooks', ['repository_hooks', 'read'], (asking, { hooks }) =>
    paged(asking, hooks),
  ),
  inRepository('GET', '/actions/runners', ['administration', 'read'], (asking, { runners }) =>
    paged(asking, runners, 'runners'),
  ),
  inRepository('GET', '/environments', ['actions', 'read'], (asking, { environments }) =>
    paged(
      asking,
      environments.map(({ name }) => ({ name })),
      'environments',
    ),
  ),
  ...(['secrets', 'variables'] as const).map(list =>
    inRepository('GET', `/environments/([^/]+)/${list}`, ['environments', 'read'], (asking, of) => {
      const name = decodeURIComponent(asking.url.pathname.split('/')[5] ?? '')
      const found = of.environments.find(each => each.name === name)
      return found === undefined ? notFound : paged(asking, found[list], list)
    }),
  ),
  ofOrganisation('/installations', 'organization_administration', 'apps', 'installations'),
  ofOrganisation('/personal-access-tokens', 'organization_personal_access_tokens', 'tokens'),
  ofOrganisation('/credential-authorizations', 'organization_administration', 'authorizations'),
  ofOrganisation('/actions/secrets', 'organization_secrets', 'secrets', 'secrets'),
  ofOrganisation('/actions/variables', 'organization_actions_variables', 'variables', 'variables'),
  ofOrganisation('/hooks', 'organization_hooks', 'hooks'),
  ofOrganisation('/actions/runners', 'organization_self_hosted_runners', 'runners', 'runners'),
]

function app(method: string, path: string, answer: Route['answer']): Route {
  return { method, path: new RegExp(`^${path}$`), by: 'app', answer }
}

function token(
  method: string,
  path: string,
  needs: Route['needs'],
  answer: Route['answer'],
): Route {
  return { method, path: new RegExp(`^${path}$`), by: 'token', ...(needs && { needs }), answer }
}

export function inRepository(
  method: string,
  path: string,
  needs: NonNullable<Route['needs']>,
  answer: (asking: Asking, repository: FakeRepository) => Answer,
): Route {
  return token(method, `/repos/([^/]+)/([^/]+)${path}`, needs, (asking, [owner, name]) => {
    const repository = repositoryOf(asking.state, owner, name)
    if (repository === undefined || !isIn(asking.token, repository)) return notFound
    return answer(asking, repository)
  })
}

function ofOrganisation(
  path: string,
  needs: string,
  list: keyof State['of'],
  member?: string,
): Route {
  return token('GET', `/orgs/([^/]+)${path}`, [needs, 'read'], (asking, [name]) => {
    const rows = asking.state.of[list]
    return name === asking.state.organisation && rows ? paged(asking, rows, member) : notFound
  })
}

function isIn(by: FakeToken | undefined, { id, isInstalled }: FakeRepository): boolean {
  return isInstalled && (by?.repositoryIds?.includes(id) ?? true)
}

function repositoryOf(state: State, owner = '', name = ''): FakeRepository | undefined {
  const isNamed = (each: FakeRepository) => each.name.toLowerCase() === name.toLowerCase()
  return owner.toLowerCase() === state.organisation ? state.repositories.find(isNamed) : undefined
}

function giveToken({ state, body }: Asking, [id]: readonly string[]): Answer {
  const { installation, repositories } = state
  if (id !== String(installation.id)) return notFound
  if (installation.isSuspended) return no(403, 'This installation has been suspended')
  const asked = (body['permissions'] ?? installation.permissions) as Permissions
  for (const [name, level] of Object.entries(asked))
    if (!reaches(installation.permissions[name], level))
      return no(422, 'The permissions requested are not granted to this installation.')
  const ids = (body['repository_ids'] ?? null) as number[] | null
  const chosen = repositories.filter(each => ids?.includes(each.id) && each.isInstalled)
  if (ids !== null && chosen.length !== ids.length)
    return no(422, 'There is at least one repository that does not exist or is not accessible.')
  const made = makeToken(state, asked, ids)
  const facts = {
    token: made.value,
    expires_at: made.diesAt.replace('.000', ''),
    permissions: made.permissions,
    repository_selection: ids === null ? 'all' : 'selected',
    ...(ids && { repositories: chosen.map(each => aboutRepository(state, each)) }),
  }
  return { status: 201, facts }
}

const ranks: readonly (string | undefined)[] = [undefined, 'read', 'write', 'admin']
export function reaches(has: string | undefined, asked: string): boolean {
  return ranks.indexOf(has) >= ranks.indexOf(asked)
}

function aboutApp({ app: { id, slug, clientId }, organisation, installation }: State): Row {
  const owner = { login: organisation, type: 'Organization' }
  return { id, slug, client_id: clientId, owner, permissions: installation.permissions, events: [] }
}

function aboutInstallation({ app: own, organisation, installation, clock }: State): Row {
  return {
    id: installation.id,
    account: { login: organisation, type: 'Organization' },
    app_id: own.id,
    app_slug: own.slug,
    permissions: installation.permissions,
    repository_selection: 'selected',
    suspended_at: installation.isSuspended ? clock.now() : null,
  }
}

export function aboutRepository({ organisation }: State, one: FakeRepository): Row {
  const { id, name, archived = false } = one
  const owner = { login: organisation, type: 'Organization' }
  return { id, name, full_name: `${organisation}/${name}`, owner, private: true, archived }
}

export function paged({ url }: Asking, rows: readonly Row[], member?: string): Answer {
  const size = Math.min(100, Number(url.searchParams.get('per_page') ?? 30))
  const page = Number(url.searchParams.get('page') ?? 1)
  const part = rows.slice((page - 1) * size, page * size)
  const next = new URL(url)
  next.searchParams.set('page', String(page + 1))
  const link = `<${next.href}>; rel="next", <${url.href}>; rel="first"`
  return {
    status: 200,
    facts: member === undefined ? part : { total_count: rows.length, [member]: part },
    ...(page * size < rows.length && { headers: { link } }),
  }
}

/** The tokens that would be let in now. */
export function living(state: State): FakeToken[] {
  return [...state.tokens.values()].filter(each => isAlive(state, each))
}
