/**
 * What is there: other Apps, tokens of people, keys, secrets by name, hooks and runners, one page of one
 * list at a time; lists.json says where each is, which permission shows it, and what of a row is told.
 * The cursor is the work that is left: it goes on after a crash, and holds no more than pages do.
 *
 * INVARIANT: no value of a secret or variable and no address of a hook is in what is given back.
 */
import { z } from 'zod'
import { isObject, type Json, type JsonObject, parseJson } from '../../src/core/base/json.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { addSeconds, type Instant, parseInstant } from '../../src/core/base/time.ts'
import type { Word } from '../../src/core/base/words.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'
import { type App, objectOf } from './app.ts'
import { covers, type Permissions } from './config.ts'
import table from './lists.json' with { type: 'json' }

const most = { cursorChars: 128 * 1024, work: 1_000, perPage: 30, rightsSeconds: 60 }

type ListName = keyof typeof table
/** `{0}` in a path is the organisation or the repository, `{1}` its environment. */
interface List
  extends Readonly<Record<'path' | 'what' | 'needs', string>>,
    Readonly<
      Partial<Record<Word<'rows plan kind name id creator by madeAt lastUsedAt endsAt'>, string>>
    > {
  readonly details?: readonly string[]
  /** Lists of each row, which is named by its member `by`. */
  readonly leadsTo?: readonly string[]
}
const lists = table as Readonly<Record<ListName, List>>
const names = Object.keys(lists) as ListName[]
const roots = names.filter(name => !lists[name].path.startsWith('/repos/'))

/** A list, of what, and the page it goes on with. */
const workShape = z
  .array(z.tuple([z.enum(names), z.array(z.string()), z.string().regex(/^$|^\/(?!\/)/)]))
  .min(1)
  .max(most.work)
type Work = z.infer<typeof workShape>

export async function inventory(
  app: App,
  cursor: string | null,
  signal: AbortSignal,
): Promise<InventoryPage> {
  const has = await rightsOf(app, cursor === null, signal)
  const isSeen = (name: ListName) => covers(has[lists[name].needs], 'read')
  const workOf = (each: readonly ListName[], of: readonly string[]): Work =>
    each.filter(isSeen).map(name => [name, [...of], ''])
  const hidden = cursor === null ? names.filter(name => !isSeen(name)) : []
  const unseen = hidden.map(name => ({ ...lists[name], needs: `${lists[name].needs}: read` }))
  const begun = cursor === null ? workOf(roots, [app.config.organisation]) : parseCursor(cursor)
  const [[name, of, at], ...rest] = begun as [Work[number], ...Work]
  const list = lists[name]
  const page = await readPage(app, at === '' ? pathOf(list, of) : at, { has, signal })
  // What the plan or a setting does not show is said; it is no reason to stop.
  if (page === undefined) unseen.push({ ...list, needs: list.plan ?? 'what GitHub refused here' })
  const rows = rowsOf(page?.body ?? null, list.rows)
  const place = list.path.includes('{0}') ? of : []
  const below = rows.map(row => [...place, String(textOf(row, list.by))])
  // Depth first: what a page leads to is done before the next page is read.
  const work = below.flatMap(each => workOf((list.leadsTo ?? []) as ListName[], each))
  const after = page?.next() ?? null
  const left = [...work, ...(after === null ? [] : [[name, of, after]]), ...rest]
  return {
    found: list.kind === undefined ? [] : rows.map(row => foundOf(app, list, row, of)),
    next: left.length === 0 ? null : JSON.stringify(left),
    ...(unseen.length > 0 && { unseen: unseen.map(({ what, needs }) => ({ what, needs })) }),
  }
}

/** Undefined where GitHub does not show it. */
async function readPage(app: App, path: string, { has, signal }: Rights) {
  // Of what there is no way to read, there is nothing to ask for.
  const readable = Object.keys(has).filter(name => name !== 'workflows')
  try {
    const of = Object.fromEntries(readable.map(name => [name, 'read' as const]))
    return await app.read(path, of, signal)
  } catch (thrown) {
    if (isProblem(thrown, 'target-refused')) return undefined
    throw thrown
  }
}

interface Rights {
  readonly has: Permissions
  readonly signal: AbortSignal
}

/** What the installation may do: rights are given and taken at GitHub. */
async function rightsOf(app: App, isNew: boolean, signal: AbortSignal): Promise<Permissions> {
  const known = rights.get(app)
  if (known !== undefined && !isNew && app.clock.now() < known.until) return known.has
  const has = objectOf((await app.installation(signal))['permissions'] ?? {}) as Permissions
  rights.set(app, { has, until: addSeconds(app.clock.now(), most.rightsSeconds) })
  return has
}
const rights = new WeakMap<App, { has: Permissions; until: Instant }>()

function pathOf({ path }: List, of: readonly string[]): string {
  const [owner = '', environment = ''] = of
  const at = path.replace('{0}', owner).replace('{1}', encodeURIComponent(environment))
  return `${at}?per_page=${most.perPage}`
}

function rowsOf(body: Json, member: string | undefined): JsonObject[] {
  const rows = member !== undefined && isObject(body) ? body[member] : body
  return Array.isArray(rows) ? rows.filter(isObject) : []
}

/** The id is natural: what it is, of what, and GitHub's own id, or the name that is one. */
function foundOf(app: App, list: List, row: JsonObject, of: readonly string[]): Found {
  const kind = (row['credential_type'] === 'SSH key' ? 'key' : list.kind) as Found['kind']
  const text = (member: string | undefined) => textOf(row, member)
  const instant = (member: string | undefined) => parseInstant(text(member) ?? '')
  const creator = text(list.creator)
  return {
    id: [list.kind, ...of, text(list.id ?? 'id') ?? text(list.name)].join(' '),
    kind,
    name: text(list.name) ?? '',
    ours: kind === 'app' && row['id'] === app.config.installationId,
    madeAt: instant(list.madeAt),
    lastUsedAt: instant(list.lastUsedAt),
    ...(list.endsAt !== undefined && { endsAt: instant(list.endsAt) }),
    ...(creator !== undefined && { creator }),
    details: {
      of,
      ...Object.fromEntries(list.details?.map(each => [each, row[each] ?? null]) ?? []),
    },
  }
}

/** A text, a number, or whom an account is. */
function textOf(row: JsonObject, member: string | undefined): string | undefined {
  const value = member === undefined ? undefined : row[member]
  if (isObject(value)) return textOf(value, 'login')
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function parseCursor(cursor: string): Work {
  const read = workShape.safeParse(parseJson(cursor, most.cursorChars))
  if (read.success) return read.data
  throw new Problem('invalid-field', { field: 'cursor', detail: 'This is no cursor of ours.' })
}
