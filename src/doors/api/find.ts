/** What a text from outside names: an id, a short id, or a slug. Somebody else's thing is not found. */
import { type AppRow, appTable, findApp } from '../../core/app/rows.ts'
import type { AppId, Id, IdKind, PersonId } from '../../core/base/ids.ts'
import { idPrefixes, isId } from '../../core/base/ids.ts'
import { problemOf } from '../../core/base/problem.ts'
import type { ResourceRow } from '../../core/grant/rows.ts'
import { throwUnknown } from '../../core/ledger/fact-table.ts'
import { type PersonRow, personTable } from '../../core/people/rows.ts'
import { query, type Sql, verbatim } from '../../core/store/store.ts'
import { findAppBySlug, findResourceBySlug } from '../../life/lists/lists.ts'
import { type ShortKind, shortKindOf } from '../../life/lists/short-id.ts'
import type { KnownCaller } from './caller.ts'
import type { Call } from './route.ts'
import type { ApiWorld } from './world.ts'

/** The kind an id or short id is of; undefined for a slug or anything else. */
export function kindOf(text: string): IdKind | undefined {
  const kinds = Object.keys(idPrefixes) as IdKind[]
  return shortKindOf(text) ?? kinds.find(kind => isId(kind, text))
}

const tables: Partial<Record<ShortKind, string>> = { grant: 'app_grant', thing: 'found_thing' }

/** `L-7K2Q9` or a full id to the full id. Ambiguous or unknown: Problem `not-found`. */
export async function parseId<K extends IdKind>(sql: Sql, kind: K, text: string): Promise<Id<K>> {
  if (isId(kind, text)) return text
  const [, part] = /^[A-Z]-([0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{4,26})$/.exec(text) ?? []
  const short = shortKindOf(text)
  if (part === undefined || short === undefined || short !== (kind as string)) throwUnknown(kind)
  const [first, second] = await query<{ id: Id<K> }>(sql)`
    select id from ${verbatim(tables[short] ?? short)}
    where id like ${`${idPrefixes[kind]}_${part.toLowerCase()}%`} limit 2`
  if (first === undefined) throwUnknown(kind)
  if (second === undefined) return first.id
  throw problemOf('short-id-not-unique', { text, kind })
}

/** Who asks, and for what the path names. */
export type Asking<C = KnownCaller> = Pick<Call<unknown, C>, 'caller' | 'param'>

/** The app of the path, if the caller may see it. A workload sees its own app only. */
export function appIn(world: ApiWorld, call: Asking): Promise<AppRow> {
  return findVisibleApp(world, call.caller, call.param('app'))
}

export async function findVisibleApp(world: ApiWorld, caller: KnownCaller, text: string) {
  const app = await (isId('app', text)
    ? findApp(world.store, text)
    : findAppBySlug(world.store, text))
  if (app === undefined || !canSeeApp(world, caller, app)) throwUnknown('app')
  return app
}

type SeenBy = Pick<AppRow, 'id' | 'ownerId' | 'backupId' | 'offeredTo' | 'madeBy'>

/** People of the app, who is asked about it, and those with a role. What they may do is policy's business. */
function canSeeApp(world: ApiWorld, caller: KnownCaller, app: SeenBy): boolean {
  if (caller.kind === 'identity') return caller.appId === app.id
  const { personId } = caller
  if ([app.ownerId, app.backupId, app.offeredTo, app.madeBy].includes(personId)) return true
  return hasRole(world, personId) || world.approversOf(app.id).has(personId)
}

export function hasRole(world: ApiWorld, personId: PersonId): boolean {
  return (world.replica.get(personTable, personId)?.roles.length ?? 0) > 0
}

/** Which apps a caller may see. What belongs to no app, only those with a role. */
export function sees(world: ApiWorld, caller: KnownCaller): (appId: AppId | null) => boolean {
  if (caller.kind === 'person' && hasRole(world, caller.personId)) return () => true
  return appId => {
    const app = appId === null ? undefined : world.replica.get(appTable, appId)
    return app !== undefined && canSeeApp(world, caller, app)
  }
}

/** A thing of an app by the id or short id in the path, if the caller may see the app. */
export async function findOfApp<K extends ShortKind, R extends { readonly appId: AppId | null }>(
  world: ApiWorld,
  call: Asking,
  kind: K,
  find: (sql: Sql, id: Id<K>) => Promise<R | undefined>,
): Promise<R> {
  const row = await find(world.store, await parseId(world.store, kind, call.param(kind)))
  if (row === undefined || !sees(world, call.caller)(row.appId)) throwUnknown(kind)
  return row
}

type OfApp = Pick<Call<{ readonly app?: string | undefined }, KnownCaller>, 'caller' | 'input'>

/** The app that was named, as what a list is narrowed by; nothing where none was. */
export async function appFilter(
  world: ApiWorld,
  { caller, input: { app } }: OfApp,
): Promise<{ appId?: AppId }> {
  return app === undefined ? {} : { appId: (await findVisibleApp(world, caller, app)).id }
}

/** Which apps a list may have rows of, before its pages are cut; of who may see all, nothing. */
export function seenApps(world: ApiWorld, caller: KnownCaller): { apps?: AppId[] } {
  if (caller.kind === 'person' && hasRole(world, caller.personId)) return {}
  const ids = world.replica.all(appTable).map(({ id }) => id)
  return { apps: ids.filter(sees(world, caller)) }
}

/** Rows of the app that was named, or of all that the caller may see. */
export async function listOfApps<R>(
  world: ApiWorld,
  call: OfApp,
  list: (filter: { appId?: AppId; apps?: AppId[] }) => Promise<R[]>,
): Promise<R[]> {
  const { appId } = await appFilter(world, call)
  return list(appId === undefined ? seenApps(world, call.caller) : { appId })
}

export async function resourceNamed(sql: Sql, slug: string): Promise<ResourceRow> {
  return (await findResourceBySlug(sql, slug)) ?? throwUnknown('resource')
}

/** A person by id, e-mail or exact name; a name two people have is refused. */
export async function findPersonBy(sql: Sql, text: string, field: string): Promise<PersonRow> {
  const [first, second] = await query<PersonRow>(sql)`
    select ${verbatim(personTable.select)} from person
    where state = 'living' and ${text} in (id, email, name) limit 2`
  if (first !== undefined && second === undefined) return first
  const named = text.slice(0, 80)
  if (first === undefined) throw problemOf('names-nobody', { named, field })
  throw problemOf('names-more-than-one', { named, field })
}
