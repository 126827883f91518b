/**
 * How a day stands: each of its apps, every system, what was born outside, and what keeps it from being
 * closed. Read from the server each time; a word that ends things reads it again after.
 */
import type {
  AppView,
  ConsistencyView,
  KeyTableView,
  LogPage,
  OffboardingView,
  PlanItem,
} from '../../../../src/doors/api/contract.ts'
import type { Cli } from '../../cli.ts'
import { findPerson } from './check.ts'
import { bornOutside, lookEverywhere, type Outside, type SystemLook } from './inventory.ts'
import type { Day } from './plan.ts'
import { findApp, listApps, read, spread } from './work.ts'

/** Over: nothing of it is left to do. */
export interface AppStand {
  readonly app: string
  readonly team: string | null
  readonly owner: string
  readonly backup: string | null
  readonly state: AppView['state']
  readonly how: 'verified-gone' | 'graduated' | 'extended' | 'not-yet'
  readonly endsAt: string
  readonly madeAt: string
  /** Who let it live on, where somebody named by the day did. */
  readonly approver: string | null
  readonly green: number
  readonly of: number
  readonly items: readonly PlanItem[]
}

export interface Standing {
  readonly apps: readonly AppStand[]
  readonly systems: readonly SystemLook[]
  readonly outside: readonly Outside[]
  /** Since when what is new was born while the day was on; null: it was never opened. */
  readonly openedAt: string | null
  /** Each is one thing that keeps the day open, with the system it is at. */
  readonly blocks: readonly Block[]
}
export type Block = {
  readonly about: string
  readonly system: string | null
  readonly says: string
}

const living = ['draft', 'active', 'paused', 'ending'] as const

/** Every app of the day: those of its teams, and others that were made for it and still live. */
export async function readApps(cli: Cli, day: Day): Promise<AppStand[]> {
  const approvers = await spread(day.approvers, ({ name }) => findPerson(cli, name))
  const byId = new Map(approvers.map(({ id, name }) => [id, name]))
  const teams = new Set(day.teams.map(({ name }) => name))
  const own = await spread(day.teams, ({ name }) => findApp(cli, name))
  const others = (await listApps(cli, day, living)).filter(({ slug }) => !teams.has(slug))
  const apps = [...own.flatMap(app => (app?.day === day.name ? [app] : [])), ...others]
  return spread(apps, async app => {
    const { slug, owner, backup, state, endsAt, madeAt } = app
    const end = await read<OffboardingView>(cli, `/v1/apps/${slug}/end`)
    const approver = endsAt > day.ends ? await extendedBy(cli, slug, byId) : null
    const people = { owner: owner.name, backup: backup?.name ?? null }
    const told = {
      app: slug,
      team: teams.has(slug) ? slug : null,
      ...people,
      state,
      endsAt,
      madeAt,
    }
    const { green, of, items } = end
    return { ...told, how: howOf(app, end, approver), approver, green, of, items }
  })
}

/** INVARIANT: only what was certified as gone is. An app that lives on has somebody's word for it. */
export function howOf(
  { state }: Pick<AppView, 'state'>,
  end: Pick<OffboardingView, 'state' | 'certifiedAt'>,
  approver: string | null,
): AppStand['how'] {
  if (state === 'graduated') return 'graduated'
  if (state === 'ended')
    return end.state === 'verified-gone' && end.certifiedAt !== null ? 'verified-gone' : 'not-yet'
  return approver !== null && state !== 'ending' ? 'extended' : 'not-yet'
}

/** Whose word its end date is, by the log; null unless the day names them. */
async function extendedBy(cli: Cli, slug: string, approvers: ReadonlyMap<string, string>) {
  const query = new URLSearchParams({ subject: slug, kind: 'app.extend', limit: '1' })
  const { entries } = await read<LogPage>(cli, `/v1/log?${String(query)}`)
  return approvers.get(entries[0]?.actor ?? '') ?? null
}

export async function readStanding(cli: Cli, day: Day): Promise<Standing> {
  const apps = await readApps(cli, day)
  const teams = apps.filter(({ team }) => team !== null)
  const openedAt = teams.map(({ madeAt }) => madeAt).sort()[0] ?? null
  const looks = await lookEverywhere(cli)
  const since = openedAt ?? new Date(cli.host.now()).toISOString()
  const { outside, systems } = await bornOutside(cli, since, looks)
  return { apps, systems, outside, openedAt, blocks: blocksOf({ apps, systems, outside }) }
}

/** Pure: the same standing has the same blocks. */
export function blocksOf({
  apps,
  systems,
  outside,
}: Pick<Standing, 'apps' | 'systems' | 'outside'>) {
  return [
    ...apps.filter(({ how }) => how === 'not-yet').flatMap(blocksOfApp),
    ...systems.flatMap(({ system, looked, because }) =>
      looked ? [] : [{ about: system, system, says: `was not looked at: ${because}` }],
    ),
    ...outside
      .filter(({ isSettled }) => !isSettled)
      .map(({ name, kind, system, shortId }) => ({
        about: name,
        system,
        says: `${kind} ${shortId} was born outside: no owner and date, and not revoked`,
      })),
  ]
}

function blocksOfApp({ app, items, state, of }: AppStand): Block[] {
  const open = items.filter(item => item.state !== 'verified-gone')
  const isEnding = state === 'ending' || state === 'ended'
  if (!isEnding || open.length === 0) {
    const says = isEnding ? `has no certificate yet, of ${of} things` : `is ${state}`
    return [{ about: app, system: null, says }]
  }
  return open.map(({ name, system, state: is, because }) => ({
    about: app,
    system,
    says: `${name} is ${is.replaceAll('-', ' ')}${because === null ? '' : `: ${because}`}`,
  }))
}

/** By system: how much was there, and how much is checked gone. */
export function bySystem(apps: readonly Pick<AppStand, 'items'>[]) {
  const items = apps.flatMap(each => each.items)
  return [...Map.groupBy(items, ({ system }) => system)].map(([system, some]) => ({
    system,
    of: some.length,
    gone: some.filter(({ state }) => state === 'verified-gone').length,
    paths: [...new Set(some.flatMap(({ paths }) => paths))],
  }))
}

/** The signed head of the log, now. */
export async function readCheckpoint(cli: Cli): Promise<string> {
  return (await read<ConsistencyView>(cli, '/v1/log/consistency?from=0')).checkpoint
}

export function summaryOf({ apps, systems, outside, blocks }: Standing) {
  const items = apps.flatMap(each => each.items)
  return {
    apps: apps.map(({ items: _, ...app }) => app),
    removed: items.length,
    gone: items.filter(({ state }) => state === 'verified-gone').length,
    bySystem: bySystem(apps),
    systems,
    bornOutside: outside,
    blocks,
  }
}

export const reportSchema = 'leasehold/v1-day-report'

export interface Report {
  readonly schema: typeof reportSchema
  readonly day: Pick<Day, 'name' | 'opens' | 'closes' | 'ends'>
  readonly writtenAt: string
  readonly closed: boolean
  readonly openedAt: string | null
  readonly apps: readonly (ReturnType<typeof summaryOf>['apps'][number] & {
    /** Exactly as it is signed; null where the app has none. */
    readonly certificate: string | null
  })[]
  readonly systems: Standing['systems']
  readonly bornOutside: Standing['outside']
  readonly blocks: Standing['blocks']
  /** A signed note (C2SP), by a key of the table. */
  readonly checkpoint: string
  readonly keys: KeyTableView
}
