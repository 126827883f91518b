/**
 * A build day as a wall: the one thing to know of each team now, who needs somebody first. What a tile says is
 * what `day watch` says at a terminal; a test holds them to it. Pure.
 */
import type * as api from './api.ts'
import { many, shortName } from './words.ts'

/** Who needs somebody first; the first three are stuck. */
const order = ['held', 'refused', 'waits', 'offered', 'idle', 'runs', 'over'] as const
type TileState = (typeof order)[number]

const stuck: ReadonlySet<TileState> = new Set(order.slice(0, 3))

export interface Tile {
  readonly team: string
  readonly state: TileState
  readonly says: string
  /** Null: since when it is so is no matter. */
  readonly since: string | null
  readonly leases: number
  /** Where to look at what it is about. */
  readonly to: string
}

export const isStuck = ({ state }: Tile) => stuck.has(state)

/** Of those alike, who has needed it longest. */
export function sortTiles(tiles: readonly Tile[]): Tile[] {
  const key = ({ state, since, team }: Tile) => `${order.indexOf(state)} ${since ?? '~'} ${team}`
  return [...tiles].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

export function tileOf(app: api.AppDetail): Tile {
  const { slug: team, leases, lastDenial: no, requests } = app
  const live = leases.filter(({ state }) => state === 'live').length
  const tile = (state: TileState, says: string, since: string | null = null, to?: string): Tile => {
    const short = says.replaceAll(/\b[a-z]{2}_[0-9a-z]{26}\b/g, shortName)
    return { team, state, says: short, since, leases: live, to: to ?? `/apps/${team}` }
  }
  if (['ending', 'ended', 'graduated'].includes(app.state)) return tile('over', app.state)
  if (app.holds[0]) return tile('held', `on hold: ${app.holds[0].reason}`)
  if (app.state === 'paused') return tile('held', app.says)
  // A no it has got over since is no matter any more.
  if (no !== null && leases.every(({ madeAt }) => madeAt < no.at))
    return tile('refused', `${no.rule}: ${no.says}`, no.at, `/decisions/${no.shortId}`)
  const open = requests.filter(({ state }) => state === 'open')
  const [first] = open.toSorted((a, b) => (a.madeAt < b.madeAt ? -1 : 1))
  const whom = [...new Set(open.flatMap(({ approvers }) => approvers))].join(', ')
  if (first) return tile('waits', `waits for ${whom}`, first.madeAt, `/requests/${first.shortId}`)
  const denied = requests.find(({ state }) => state === 'denied')
  if (denied)
    return tile(
      'refused',
      `${denied.shortId} was answered with a no`,
      denied.closedAt,
      `/requests/${denied.shortId}`,
    )
  if (app.offeredTo !== null)
    return tile('offered', `${app.offeredTo} has not accepted it`, app.madeAt)
  if (leases[0] === undefined) return tile('idle', 'no lease yet', app.madeAt)
  return tile('runs', `${many(leases.length, 'lease')} so far`, leases[0].madeAt)
}

export interface DayHead {
  readonly name: string
  readonly teams: number
  readonly living: number
  /** When the last of its apps ends. */
  readonly endsAt: string
}

/** The days that apps say they are of, the one that ends last first. */
export function daysOf(apps: readonly api.AppView[]): DayHead[] {
  const byDay = Map.groupBy(
    apps.filter(({ day }) => day !== null),
    ({ day }) => day,
  )
  return [...byDay]
    .map(([day, some]) => ({
      name: day ?? '',
      teams: some.length,
      living: some.filter(({ endedAt }) => endedAt === null).length,
      endsAt: some.reduce((last, { endsAt }) => (endsAt > last ? endsAt : last), ''),
    }))
    .sort((a, b) => b.endsAt.localeCompare(a.endsAt))
}
