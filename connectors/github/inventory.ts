/**
 * What is there: other Apps, tokens of people, keys, secrets by name, hooks and runners, one page of one
 * list at a time; lists.json says where each is, which permission shows it, and what of a row is told.
 * The cursor is the work that is left: it goes on after a crash, and holds no more than pages do. Who
 * looks is an App here, and a person with a token of their own in look.ts.
 *
 * INVARIANT: no value of a secret or variable and no address of a hook is in what is given back.
 */
import { z } from 'zod'
import { isObject, type Json, type JsonObject, parseJson } from '../../src/core/base/json.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { addSeconds, type Instant, parseInstant } from '../../src/core/base/time.ts'
import type { Word } from '../../src/core/base/words.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'
import type { RestAnswer } from '../rest/client.ts'
import { type App, objectOf } from './app.ts'
import { covers, type Permissions } from './config.ts'
import table from './lists.json' with { type: 'json' }

const most = { cursorChars: 128 * 1024, work: 1_000, perPage: 30, rightsSeconds: 60 }

/** `{0}` in a path is the organisation or the repository, `{1}` its environment. */
export interface List
  extends Readonly<Record<'path' | 'what' | 'needs', string>>,
    Readonly<
      Partial<
        Record<Word<'rows plan kind role name id creator by madeAt lastUsedAt endsAt'>, string>
      >
    > {
  readonly details?: readonly string[]
  /** Lists of each row, which is named by its member `by`. */
  readonly leadsTo?: readonly string[]
}
export type Lists = Readonly<Record<string, List>>
export const lists: Lists = table

/** A list, of what, and the page it goes on with. */
const workShape = z
  .array(z.tuple([z.string(), z.array(z.string()), z.string().regex(/^$|^\/(?!\/)/)]))
  .min(1)
  .max(most.work)
type Work = z.infer<typeof workShape>

/** Who looks, and what they are shown. */
export interface Looker {
  readonly organisation: string
  readonly lists: Lists
  /** Of our own App among the others. */
  readonly installationId?: number
  readonly read: (path: string, signal: AbortSignal) => Promise<RestAnswer>
  /** Undefined: it is shown, or nobody can say before it is tried. `row`: of the repository it is in. */
  readonly lacks: (list: List, row?: JsonObject) => string | undefined
}

export async function inventory(
  app: App,
  cursor: string | null,
  signal: AbortSignal,
): Promise<InventoryPage> {
  const has = await rightsOf(app, cursor === null, signal)
  // Of what there is no way to read, there is nothing to ask for.
  const readable = Object.keys(has).filter(name => name !== 'workflows')
  const of = Object.fromEntries(readable.map(name => [name, 'read' as const]))
  const { organisation, installationId } = app.config
  const looker: Looker = {
    organisation,
    lists,
    installationId,
    read: (path, within) => app.read(path, of, within),
    lacks: ({ needs }) => (covers(has[needs], 'read') ? undefined : `${needs}: read`),
  }
  return lookAt(looker, cursor, signal)
}

/** One page of what is left to look at. */
export async function lookAt(
  looker: Looker,
  cursor: string | null,
  signal: AbortSignal,
): Promise<InventoryPage> {
  const isNew = cursor === null
  const names = Object.keys(looker.lists)
  const roots = names.filter(each => looker.lists[each]?.path.startsWith('/repos/') !== true)
  const begun = isNew ? workOf(looker, roots, [looker.organisation]) : parseCursor(cursor)
  const [[name, of, at] = ['', [], ''], ...rest] = begun
  const list = looker.lists[name]
  if (list === undefined) throw noCursor()
  const hidden = isNew ? names.flatMap(each => lackOf(looker, each)) : []
  const page = await readPage(looker, at === '' ? pathOf(list, of) : at, signal)
  // What the plan or a setting does not show is said; it is no reason to stop.
  const refused = page
    ? []
    : [{ ...list, needs: list.plan ?? 'what GitHub refused here', of: of.join(' ') }]
  const rows = rowsOf(page?.body ?? null, list.rows)
  const place = list.path.includes('{0}') && list.by !== 'full_name' ? of : []
  // Depth first: what a page leads to is done before the next page is read.
  const below = rows.flatMap(row =>
    workOf(looker, list.leadsTo ?? [], [...place, String(textOf(row, list.by))], row),
  )
  const shut = rows.flatMap(row => (list.leadsTo ?? []).flatMap(each => lackOf(looker, each, row)))
  const after = page?.next() ?? null
  const left = [...below, ...(after === null ? [] : [[name, of, after]]), ...rest]
  // What is hidden everywhere was said at the start.
  const everywhere = new Set(names.flatMap(each => lackOf(looker, each)).map(({ what }) => what))
  const unseen = [...hidden, ...refused, ...shut.filter(({ what }) => !everywhere.has(what))]
  return {
    found: list.kind === undefined ? [] : rows.map(row => foundOf(looker, list, row, of)),
    next: left.length === 0 ? null : JSON.stringify(left),
    ...(unseen.length > 0 && { unseen: unseen.map(toldOf) }),
  }
}

type Unseen = NonNullable<InventoryPage['unseen']>[number]
const toldOf = ({ what, needs, of }: Unseen): Unseen => ({ what, needs, ...(of && { of }) })

function workOf(
  looker: Looker,
  names: readonly string[],
  of: readonly string[],
  row?: JsonObject,
): Work {
  return names
    .filter(name => lackOf(looker, name, row).length === 0)
    .map(name => [name, [...of], ''])
}

function lackOf({ lists, lacks }: Looker, name: string, row?: JsonObject) {
  const list = lists[name]
  const needs = list && lacks(list, row)
  return needs === undefined ? [] : [{ what: list?.what ?? '', needs }]
}

/** Undefined where GitHub does not show it. */
async function readPage(looker: Looker, path: string, signal: AbortSignal) {
  try {
    return await looker.read(path, signal)
  } catch (thrown) {
    if (isProblem(thrown, 'target-refused')) return undefined
    throw thrown
  }
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
function foundOf(looker: Looker, list: List, row: JsonObject, of: readonly string[]): Found {
  const kind = (row['credential_type'] === 'SSH key' ? 'key' : list.kind) as Found['kind']
  const text = (member: string | undefined) => textOf(row, member)
  const instant = (member: string | undefined) => parseInstant(text(member) ?? '')
  const creator = text(list.creator)
  return {
    id: [list.kind, ...of, text(list.id ?? 'id') ?? text(list.name)].join(' '),
    kind,
    name: text(list.name) ?? '',
    ours: kind === 'app' && row['id'] === looker.installationId,
    madeAt: instant(list.madeAt),
    lastUsedAt: instant(list.lastUsedAt),
    ...(list.endsAt !== undefined && { endsAt: instant(list.endsAt) }),
    ...(creator !== undefined && { creator }),
    details: {
      of,
      ...(list.role !== undefined && { role: list.role }),
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
  throw noCursor()
}

const noCursor = () =>
  new Problem('invalid-field', { field: 'cursor', detail: 'This is no cursor of ours.' })
