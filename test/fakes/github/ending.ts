/** What the pretend GitHub does to a repository that is ended: what runs, what is kept in it, its archiving. */
import {
  type Answer,
  type Asking,
  aboutRepository,
  inRepository,
  no,
  paged,
  type Route,
} from './routes.ts'
import type { FakeRepository, Row } from './state.ts'

const done: Answer = { status: 204 }
const notFound = no(404, 'Not Found')

type OfRepository = Parameters<typeof inRepository>[3]
type Change = (repository: FakeRepository, name: string, asking: Asking) => Answer

/** INVARIANT: an archived repository takes no change. */
function changing(change: Change, answer: Answer = done): OfRepository {
  return (asking, repository) => {
    if (repository.archived) return no(403, 'Repository was archived so is read-only.')
    const { state, method, url } = asking
    if (state.isUndone(`${method} ${url.pathname}`)) return answer
    const name = decodeURIComponent(
      /([^/]+)(?:\/(?:disable|cancel))?$/.exec(url.pathname)?.[1] ?? '',
    )
    return change(repository, name, asking)
  }
}

const remove = (list: 'environments' | 'secrets' | 'variables' | 'keys', by: 'name' | 'id') =>
  changing((repository, name) => {
    const rows: readonly Row[] = repository[list] as unknown as readonly Row[]
    const left = rows.filter(row => String(row[by]) !== name)
    if (left.length === rows.length) return notFound
    Object.assign(repository, { [list]: left })
    return done
  })

const all: readonly {
  readonly method: string
  readonly path: string
  readonly needs: NonNullable<Route['needs']>
  readonly answer: OfRepository
}[] = [
  {
    method: 'GET',
    path: '/actions/workflows',
    needs: ['actions', 'read'],
    answer: (asking, { workflows }) => paged(asking, workflows, 'workflows'),
  },
  {
    method: 'PUT',
    path: '/actions/workflows/[^/]+/disable',
    needs: ['actions', 'write'],
    answer: changing(({ workflows }, id) => {
      const found = workflows.find(row => String(row['id']) === id)
      if (found === undefined) return notFound
      found['state'] = 'disabled_manually'
      return done
    }),
  },
  {
    method: 'GET',
    path: '/actions/runs',
    needs: ['actions', 'read'],
    answer: (asking, { runs }) => {
      const status = asking.url.searchParams.get('status')
      return paged(
        asking,
        runs.filter(row => row['status'] === status),
        'workflow_runs',
      )
    },
  },
  {
    method: 'POST',
    path: '/actions/runs/[^/]+/cancel',
    needs: ['actions', 'write'],
    answer: changing(
      (repository, id) => {
        repository.runs = repository.runs.filter(row => String(row['id']) !== id)
        return { status: 202, facts: {} }
      },
      { status: 202, facts: {} },
    ),
  },
  {
    method: 'DELETE',
    path: '/environments/[^/]+',
    needs: ['administration', 'write'],
    answer: remove('environments', 'name'),
  },
  {
    method: 'DELETE',
    path: '/actions/secrets/[^/]+',
    needs: ['secrets', 'write'],
    answer: remove('secrets', 'name'),
  },
  {
    method: 'DELETE',
    path: '/actions/variables/[^/]+',
    needs: ['actions_variables', 'write'],
    answer: remove('variables', 'name'),
  },
  {
    method: 'DELETE',
    path: '/keys/[^/]+',
    needs: ['administration', 'write'],
    answer: remove('keys', 'id'),
  },
  {
    method: 'PATCH',
    path: '',
    needs: ['administration', 'write'],
    answer: changing((repository, _, { state, body }) => {
      if (body['archived'] === true) repository.archived = true
      return { status: 200, facts: aboutRepository(state, repository) }
    }, done),
  },
]

export const endingRoutes = all.map(({ method, path, needs, answer }) =>
  inRepository(method, path, needs, answer),
)
