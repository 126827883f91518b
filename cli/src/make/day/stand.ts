/**
 * How a day stands: each of its apps, every system, what was born outside, and what keeps it from being
 * closed. Read from the server each time; a word that ends things reads it again after.
 */
import type * as api from '../../../../src/doors/api/contract.ts'
import type { Cli } from '../../cli.ts'
import { failed } from '../../problem.ts'
import { findPerson } from './check.ts'
import { bornOutside, lookEverywhere, type Outside, type SystemLook } from './inventory.ts'
import type { Day } from './plan.ts'
import { findApp, pageRows, read, spread } from './work.ts'

/** `team` null: made for the day by somebody of no team; `approver`: who let it live on. */
export type AppStand = Awaited<ReturnType<typeof standOf>>
export type Standing = Awaited<ReturnType<typeof readStanding>>
const isName = /^[a-z][a-z0-9-]*$/
/** One thing that keeps the day open, and the system it is at. */
export type Block = Readonly<Record<'about' | 'says', string> & { system: string | null }>

/**
 * Every app of the day: those of its teams, and others that were made for it. `isWhole` false where a list is full
 * of those that live, so that nobody knows of more.
 */
export async function readApps(cli: Cli, day: Day) {
  const named = await spread(day.approvers, ({ text }) => findPerson(cli, text))
  const approvers = new Map(named.map(({ id, name }) => [id, name]))
  const teams = new Set(day.teams.map(({ name }) => name))
  const own = await spread(day.teams, ({ name }) => findApp(cli, name))
  // Those that live stand first in it.
  const { items } = await read<{ items: api.AppView[] }>(cli, '/v1/apps', { day: day.name })
  const isWhole = items.length < pageRows || items.at(-1)?.endedAt !== null
  const others = items.filter(({ slug }) => !teams.has(slug))
  // ATTACKER: a server that names an app so that its certificate is written elsewhere.
  const odd = others.find(({ slug }) => !isName.test(slug))
  if (odd) throw failed('The server names an app that can have no such name.', 'leasehold verify')
  const all = [...own.flatMap(app => (app?.day === day.name ? [app] : [])), ...others]
  const apps = await spread(all, app => {
    const team = teams.has(app.slug) ? app.slug : null
    return standOf(cli, app, { team, approvers, ends: day.ends })
  })
  return { apps, isWhole }
}

type Of = Record<'team', string | null> & { approvers: ReadonlyMap<string, string>; ends: string }

async function standOf(cli: Cli, app: api.AppView, { team, approvers, ends }: Of) {
  const { slug, owner, state, endsAt, madeAt } = app
  const end = await read<api.OffboardingView>(cli, `/v1/apps/${slug}/end`)
  // Whose word its end date is, by the log.
  const last = { subject: slug, kind: 'app.extend', limit: '1' }
  const log = endsAt > ends ? await read<api.LogPage>(cli, '/v1/log', last) : undefined
  const approver = approvers.get(log?.entries[0]?.actor ?? '') ?? null
  const people = { owner: owner.name, backup: app.backup?.name ?? null, approver }
  const { green, of, items } = end
  const how = howOf(state, end, approver)
  return { app: slug, team, ...people, state, how, endsAt, madeAt, green, of, items }
}

/** INVARIANT: only what was certified as gone is. An app that lives on has somebody's word for it. */
export function howOf(
  state: api.AppView['state'],
  end: Pick<api.OffboardingView, 'state' | 'certifiedAt'>,
  approver: string | null,
) {
  const isProven = end.state === 'verified-gone' && end.certifiedAt !== null
  if (state === 'graduated') return state
  if (state === 'ended') return isProven ? 'verified-gone' : 'not-yet'
  return approver !== null && state !== 'ending' ? 'extended' : 'not-yet'
}

/** `openedAt`: what is first seen later was born while the day was on. Null: it was never opened. */
export async function readStanding(cli: Cli, day: Day) {
  const { apps, isWhole } = await readApps(cli, day)
  const teams = apps.filter(({ team }) => team !== null)
  const openedAt = teams.map(({ madeAt }) => madeAt).sort()[0] ?? null
  const looks = await lookEverywhere(cli)
  const since = openedAt ?? new Date(cli.host.now()).toISOString()
  const { outside, systems } = await bornOutside(cli, since, looks)
  const more = { about: day.name, system: null, says: 'has more living apps than one list holds' }
  const blocks = [...blocksOf(apps, systems, outside), ...(isWhole ? [] : [more])]
  const items = apps.flatMap(each => each.items)
  const gone = items.filter(({ state }) => state === 'verified-gone').length
  return { openedAt, apps, removed: items.length, gone, systems, bornOutside: outside, blocks }
}

/** Pure: the same standing has the same blocks. */
export function blocksOf(
  apps: readonly AppStand[],
  systems: readonly SystemLook[],
  outside: readonly Outside[],
): Block[] {
  const born = 'was born outside: no owner and date, and not revoked'
  const blind = systems.filter(({ looked }) => !looked)
  const open = outside.filter(({ isSettled }) => !isSettled)
  return [
    ...apps.filter(({ how }) => how === 'not-yet').flatMap(blocksOfApp),
    ...blind.map(({ system, because }) => {
      return { about: system, system, says: `was not looked at: ${because}` }
    }),
    ...open.map(({ name: about, kind, system, shortId }) => {
      return { about, system, says: `${kind} ${shortId} ${born}` }
    }),
  ]
}

function blocksOfApp({ app, items, state, of }: AppStand): Block[] {
  const open = items.filter(item => item.state !== 'verified-gone')
  const isEnding = state === 'ending' || state === 'ended'
  const says = isEnding ? `has no certificate yet, of ${of} things` : `is ${state}`
  if (!isEnding || open.length === 0) return [{ about: app, system: null, says }]
  return open.map(({ name, system, state: is, because }) => {
    const why = because === null ? '' : `: ${because}`
    return { about: app, system, says: `${name} is ${is.replaceAll('-', ' ')}${why}` }
  })
}

/** By system: how much was there, and how much is checked gone. */
export function bySystem(apps: readonly Pick<AppStand, 'items'>[]) {
  const systems = Map.groupBy(
    apps.flatMap(each => each.items),
    ({ system }) => system,
  )
  return [...systems].map(([system, some]) => {
    const gone = some.filter(({ state }) => state === 'verified-gone').length
    return { system, of: some.length, gone, paths: [...new Set(some.flatMap(each => each.paths))] }
  })
}
