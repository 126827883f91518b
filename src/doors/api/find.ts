/** What a text from outside names: an id, a short id, or a slug. Somebody else's thing is not found. */
import { type AppRow, appTable, findApp, findAppBySlug } from '../../core/app/rows.ts'
import { type Id, type IdKind, idPrefixes, isId, type PersonId } from '../../core/base/ids.ts'
import { Problem } from '../../core/base/problem.ts'
import { type PersonRow, personTable } from '../../core/people/rows.ts'
import type { Sql } from '../../core/store/store.ts'
import type { KnownCaller } from './caller.ts'
import type { ApiWorld } from './world.ts'

const shortTables = {
  R: { kind: 'request', table: 'request' },
  G: { kind: 'grant', table: 'app_grant' },
  T: { kind: 'task', table: 'task' },
  L: { kind: 'lease', table: 'lease' },
  D: { kind: 'decision', table: 'decision' },
  F: { kind: 'finding', table: 'finding' },
} as const

type ShortKind = (typeof shortTables)[keyof typeof shortTables]['kind']

/** `L-7K2Q9` or a full id to the full id. Ambiguous or unknown: Problem `not-found`. */
export async function parseId<K extends ShortKind>(
  sql: Sql,
  kind: K,
  text: string,
): Promise<Id<K>> {
  if (isId(kind, text)) return text
  const match = /^([RGTLDF])-([0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{4,26})$/.exec(text)
  const short = match?.[1] as keyof typeof shortTables | undefined
  if (short === undefined || shortTables[short].kind !== kind) throw noSuch(kind)
  const found = await sql.query<{ id: Id<K> }>(
    `select id from ${shortTables[short].table} where id like $1 limit 2`,
    [`${idPrefixes[kind]}_${(match?.[2] ?? '').toLowerCase()}%`],
  )
  const [first, second] = found
  if (first === undefined) throw noSuch(kind)
  if (second !== undefined)
    throw new Problem('bad-request', {
      detail: `\`${text}\` stands for more than one ${kind}.`,
      next: 'Use more of its characters.',
    })
  return first.id
}

export function noSuch(kind: string): Problem {
  return new Problem('not-found', { detail: `There is no such ${kind}.` })
}

/** The app a caller may see by this slug or id. A workload sees its own app only. */
export async function findVisibleApp(
  world: ApiWorld,
  caller: KnownCaller,
  text: string,
): Promise<AppRow> {
  const app = isId('app', text)
    ? await findApp(world.store, text)
    : await findAppBySlug(world.store, text)
  if (app === undefined || !canSeeApp(world, caller, app)) throw noSuch('app')
  return app
}

export function canSeeApp(
  world: ApiWorld,
  caller: KnownCaller,
  app: Pick<AppRow, 'id' | 'ownerId' | 'backupId' | 'offeredTo' | 'madeBy'>,
): boolean {
  if (caller.kind === 'identity') return caller.appId === app.id
  const { personId } = caller
  if ([app.ownerId, app.backupId, app.offeredTo, app.madeBy].includes(personId)) return true
  return hasRole(world, personId) || answersFor(world, personId, app.id)
}

/** Platform, security and auditors see everything; what they may do is policy's business. */
export function hasRole(world: ApiWorld, personId: PersonId): boolean {
  return (world.replica.get(personTable, personId)?.roles.length ?? 0) > 0
}

/** Somebody who is asked about an app may look at it. */
function answersFor(world: ApiWorld, personId: PersonId, appId: string): boolean {
  return world.approversOf(appId).has(personId)
}

/** Null: every app. Else the ids a caller may see. */
export function visibleApps(world: ApiWorld, caller: KnownCaller): readonly string[] | null {
  if (caller.kind === 'person' && hasRole(world, caller.personId)) return null
  return world.replica
    .all(appTable)
    .filter(app => canSeeApp(world, caller, app as AppRow))
    .map(app => app.id)
}

/** A person by id, e-mail or exact name; a name two people have is refused. */
export async function findPersonBy(sql: Sql, text: string, field: string): Promise<PersonRow> {
  const rows = await sql.query<PersonRow>(
    `select ${personTable.select} from person
     where state = 'living' and (id = $1 or email = $1 or name = $1) limit 2`,
    [text],
  )
  const [first, second] = rows
  if (first !== undefined && second === undefined) return first
  throw new Problem('invalid-field', {
    field,
    detail:
      first === undefined
        ? `\`${text.slice(0, 80)}\` is nobody who has signed in here.`
        : `\`${text.slice(0, 80)}\` is more than one person.`,
    next:
      first === undefined
        ? 'They sign in once, then name them again.'
        : 'Use their e-mail address.',
  })
}

export function kindOfId(text: string): IdKind | undefined {
  return (Object.keys(idPrefixes) as IdKind[]).find(kind => isId(kind, text))
}
