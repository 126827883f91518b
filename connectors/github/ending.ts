/**
 * A repository that ends with its lease: what runs there is stopped, environments, secrets, variables
 * and deploy keys are deleted, and only then, because it takes no change after that, it is archived.
 * The code is kept. Not for: our own trust rule for it, which ends with its identity.
 *
 * Every step is what is left of it at GitHub now, so that a break anywhere is gone on from.
 * ATTACKER: who renames the repository and puts another in its place. All writing is done with a token
 * that GitHub lets into the agreed repository alone, by its id.
 */
import { isObject, type Json, type JsonObject } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import type { RestAnswer } from '../rest/client.ts'
import { rowsOf, textOf } from '../rest/lists.ts'
import { type App, briefly, isSame, objectOf, refused } from './app.ts'
import { type Permissions, parseObject } from './config.ts'
import { isToken, type Request } from './token.ts'

/** What of the App that takes; less for looking. */
export const endingRights: Permissions = {
  metadata: 'read',
  actions: 'write',
  administration: 'write',
  secrets: 'write',
  actions_variables: 'write',
}
const lookingRights: Permissions = Object.fromEntries(
  Object.keys(endingRights).map(name => [name, 'read' as const]),
)
export const endingPaths = [
  'lists of the repository, read by our App',
  'lists of the repository, read with a token for it alone',
] as const

const most = { pages: 40, perPage: 30, nameChars: 80 }

interface Part {
  readonly what: string
  readonly path: string
  readonly query?: string
  /** Member of the answer that holds the rows; the answer itself without it. */
  readonly rows?: string
  /** What names a row in a path, and for people. */
  readonly by: string
  readonly called?: string
  readonly isLeft?: (row: JsonObject) => boolean
  readonly method: Request['method']
  readonly below?: string
}

const run = { path: '/actions/runs', rows: 'workflow_runs', by: 'id', below: '/cancel' } as const

/** In the order they are ended: first what could use the others. */
const parts: readonly Part[] = [
  {
    what: 'workflow',
    path: '/actions/workflows',
    rows: 'workflows',
    by: 'id',
    called: 'path',
    // A schedule is a workflow's: disabled, it starts nothing.
    isLeft: ({ state }) => state === 'active',
    method: 'PUT',
    below: '/disable',
  },
  ...['in_progress', 'queued', 'waiting'].map(
    status => ({ what: 'run', ...run, query: `status=${status}`, method: 'POST' }) as const,
  ),
  // With an environment go its secrets and variables.
  {
    what: 'environment',
    path: '/environments',
    rows: 'environments',
    by: 'name',
    method: 'DELETE',
  },
  { what: 'secret', path: '/actions/secrets', rows: 'secrets', by: 'name', method: 'DELETE' },
  { what: 'variable', path: '/actions/variables', rows: 'variables', by: 'name', method: 'DELETE' },
  { what: 'deploy key', path: '/keys', by: 'id', called: 'title', method: 'DELETE' },
]

interface Ending {
  readonly id: number
  readonly repository: string
}
type Ask = (request: Request) => Promise<RestAnswer>

/** Undefined where the repository stays as it is, or the lease was never anybody's: that ends itself alone. */
export function endingOf(object: Json, secret: string | null): Ending | undefined {
  if (!isObject(object) || object['ends'] !== true || !isToken(secret)) return undefined
  const { id, repository } = parseObject(object)
  return id === undefined ? undefined : { id, repository }
}

/** What is refused holds up no other step, only the archiving; the first is thrown. */
export async function endRepository(app: App, { id, repository }: Ending, signal: AbortSignal) {
  await withToken(app, { id, permissions: endingRights, signal }, async ask => {
    const home = `/repos/${repository}`
    if ((await readHome(ask, home, id))['archived'] === true) return
    const failures: unknown[] = []
    for (const part of parts)
      for (const row of await leftOf(ask, home, part)) {
        const path = `${home}${part.path}/${encodeURIComponent(textOf(row[part.by]))}${part.below ?? ''}`
        // Gone meanwhile, or over: what is there afterwards is the answer.
        const end = { method: part.method, path, takes: [404, 409] } as const
        await ask(end).catch((thrown: unknown) => failures.push(thrown))
      }
    if (failures.length > 0) throw failures[0]
    // INVARIANT: archived only when nothing is left, since nothing could be ended in it any more.
    if ((await readLeft(ask, home)).length > 0) return
    await ask({ method: 'PATCH', path: home, body: { archived: true } })
  })
}

export interface Looked {
  readonly residue: readonly string[]
  /** Both paths answered. */
  readonly isSeen: boolean
  readonly because: readonly string[]
}

/** Never rejects. What either path shows is left. */
export async function lookAtRepository(
  app: App,
  { id, repository }: Ending,
  signal: AbortSignal,
): Promise<Looked> {
  const home = `/repos/${repository}`
  const ours: Ask = ({ path }) => app.read(path, lookingRights, signal)
  const looks = await Promise.allSettled([
    look(ours, home, () => readHome(ours, home, id)),
    withToken(app, { id, permissions: lookingRights, signal }, ask =>
      look(ask, home, () => readOnly(ask, id)),
    ),
  ])
  const seen = looks.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
  const because = looks.flatMap(each =>
    each.status === 'fulfilled'
      ? []
      : [isProblem(each.reason) ? each.reason.detail : 'GitHub broke off.'],
  )
  const left = [...new Set(seen.flatMap(each => each.left))]
  const isArchived = seen.every(each => each.isArchived)
  if (left.length > 0 && isArchived)
    because.push('It was archived with this in it: unarchive it, and it is ended.')
  const isSeen = seen.length === looks.length
  if (isSeen && left.length === 0 && isArchived)
    because.push(
      `\`${repository}\` is kept, archived and without any of these credentials, by its organisation; no date of its deletion is set.`,
    )
  const open = isArchived ? [] : [`repository ${repository}, not archived`]
  return { residue: [...left, ...open], isSeen, because: [...new Set(because)] }
}

async function look(ask: Ask, home: string, readRow: () => Promise<JsonObject>) {
  const [row, left] = await Promise.all([readRow(), readLeft(ask, home)])
  return { left, isArchived: row['archived'] === true }
}

async function readLeft(ask: Ask, home: string): Promise<string[]> {
  const left = await Promise.all(
    parts.map(async part =>
      (await leftOf(ask, home, part)).map(row => {
        const name = textOf(row[part.called ?? part.by]) || textOf(row[part.by])
        return `${part.what} ${name.slice(0, most.nameChars)}`
      }),
    ),
  )
  return left.flat()
}

/** Every page: what is on the last is left as well. */
async function leftOf(ask: Ask, home: string, part: Part): Promise<JsonObject[]> {
  const { path, query = '', rows, isLeft = () => true } = part
  const left: JsonObject[] = []
  let at: string | null = `${home}${path}?${query}${query && '&'}per_page=${most.perPage}`
  for (let pages = 0; at !== null; pages++) {
    if (pages === most.pages) throw refused(`There are more of \`${part.what}\` than we read.`)
    const { body, next }: RestAnswer = await ask({ method: 'GET', path: at })
    const page = rows === undefined ? { all: body } : objectOf(body)
    left.push(...rowsOf(page, rows ?? 'all').filter(isLeft))
    at = next()
  }
  return left
}

async function readHome(ask: Ask, home: string, id: number): Promise<JsonObject> {
  const is = objectOf((await ask({ method: 'GET', path: home })).body)
  if (is['id'] === id && isSame(is['full_name'], home.slice('/repos/'.length))) return is
  throw refused('There is another repository under its name than the one that was agreed.')
}

/** The one row that a token for one repository is shown. */
async function readOnly(ask: Ask, id: number): Promise<JsonObject> {
  const list = { method: 'GET', path: '/installation/repositories?per_page=2' } as const
  const rows = rowsOf(objectOf((await ask(list)).body), 'repositories')
  const [row] = rows
  if (row?.['id'] === id && rows.length === 1) return row
  throw refused('A token for one repository is not shown exactly that one.')
}

interface Narrow {
  readonly id: number
  readonly permissions: Permissions
  readonly signal: AbortSignal
}

/** With a token for this repository alone, which ends with the work. */
async function withToken<T>(
  app: App,
  { id, permissions, signal }: Narrow,
  use: (ask: Ask) => Promise<T>,
): Promise<T> {
  const { token } = await app.mint({ repositoryId: id, permissions }, signal)
  try {
    return await use(request => app.asToken(token, request, signal))
  } finally {
    await app.endToken(token, briefly()).catch(() => {})
  }
}
