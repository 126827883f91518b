/**
 * The wall: one tile a team, who is stuck first. At a terminal it is drawn again until it is stopped; elsewhere
 * it is said once.
 */
import type { AppDetail } from '../../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../../answer.ts'
import type { Cli } from '../../cli.ts'
import { pad, shortIds } from '../../text.ts'
import { span } from '../../time.ts'
import { said } from '../../verbs/kit.ts'
import { planOf } from './check.ts'
import type { Day, Team } from './plan.ts'
import { findApp, spread } from './work.ts'

export interface Tile {
  readonly team: string
  readonly state: 'missing' | 'held' | 'refused' | 'waits' | 'offered' | 'idle' | 'runs' | 'over'
  readonly says: string
  /** Since when it is so; null where that is no matter. */
  readonly since: string | null
  readonly leases: number
}

/** Who needs somebody first; of those alike, who has needed it longest. */
const order: readonly Tile['state'][] = [
  'held',
  'refused',
  'waits',
  'missing',
  'offered',
  'idle',
  'runs',
  'over',
]
const stuck: ReadonlySet<Tile['state']> = new Set(order.slice(0, 5))
const drawMs = 5_000

export async function watchDay(cli: Cli, day: Day, file: string): Promise<Answer> {
  const isWall = cli.host.stdout.isTTY === true && !cli.options.is('json')
  for (;;) {
    const all = await spread(day.teams, async team =>
      tileOf(team, day, await findApp(cli, team.name)),
    )
    const tiles = sortTiles(all).filter(({ state }) => !cli.options.is('stuck') || stuck.has(state))
    const lines = wallLines(day, { all, tiles }, cli.host.now())
    if (!isWall)
      return said({ ...planOf(day), teams: all.length, tiles }, [lines, `day close ${file}`])
    cli.host.stdout.write('\u001b[2J\u001b[H')
    cli.out.answer({ result: undefined, lines })
    await cli.host.sleep(drawMs)
  }
}

export function sortTiles(tiles: readonly Tile[]): Tile[] {
  const place = ({ state }: Tile) => order.indexOf(state)
  const since = (tile: Tile) => tile.since ?? '~'
  return [...tiles].sort(
    (a, b) =>
      place(a) - place(b) ||
      (since(a) < since(b) ? -1 : since(a) > since(b) ? 1 : 0) ||
      a.team.localeCompare(b.team),
  )
}

/** The one thing to know of a team now. */
export function tileOf({ name }: Pick<Team, 'name'>, day: Day, app: AppDetail | undefined): Tile {
  const tile = (state: Tile['state'], says: string, since: string | null = null): Tile => ({
    team: name,
    state,
    says: shortIds(says),
    since,
    leases: app?.leases.filter(lease => lease.state === 'live').length ?? 0,
  })
  if (app === undefined) return tile('missing', 'not opened')
  if (app.day !== day.name) return tile('missing', 'an app of this name is not of this day')
  if (['ending', 'ended', 'graduated'].includes(app.state)) return tile('over', app.state)
  const [hold] = app.holds
  if (hold) return tile('held', `on hold: ${hold.reason}`)
  if (app.state === 'paused') return tile('held', app.says)
  const { lastDenial: no } = app
  // A no it has got over since is no matter any more.
  const isLast = no !== null && app.leases.every(({ madeAt }) => madeAt < no.at)
  if (no !== null && isLast) return tile('refused', `${no.rule}: ${no.says}`, no.at)
  const open = app.requests.filter(({ state }) => state === 'open')
  const [first] = open.map(({ madeAt }) => madeAt).sort()
  const whom = [...new Set(open.flatMap(({ approvers }) => approvers))].join(', ')
  if (first) return tile('waits', `waits for ${whom}`, first)
  const denied = app.requests.find(({ state }) => state === 'denied')
  if (denied) return tile('refused', `${denied.shortId} was answered with a no`, denied.closedAt)
  if (app.offeredTo !== null)
    return tile('offered', `${app.offeredTo} has not accepted it`, app.madeAt)
  const [last] = app.leases
  if (last === undefined) return tile('idle', 'no lease yet', app.madeAt)
  return tile('runs', `${app.leases.length} leases so far`, last.madeAt)
}

const marks: Record<Tile['state'], string> = {
  held: glyph.held,
  refused: glyph.bad,
  waits: glyph.wait,
  missing: glyph.off,
  offered: glyph.wait,
  idle: glyph.wait,
  runs: glyph.ok,
  over: glyph.off,
}

function wallLines(
  day: Day,
  { all, tiles }: Record<'all' | 'tiles', readonly Tile[]>,
  now: number,
): string[] {
  const left = Date.parse(day.ends) - now
  const when = left > 0 ? `${span(left)} until every app ends` : 'every app has reached its end'
  const counts = order.flatMap(state => {
    const { length } = all.filter(each => each.state === state)
    return length === 0 ? [] : [`${marks[state]} ${length} ${state}`]
  })
  const leases = all.reduce((sum, each) => sum + each.leases, 0)
  return [
    `${day.name.toUpperCase()}   ${when}`,
    `${all.length} teams   ${leases} live leases   ${counts.join('   ')}`,
    ...tiles.map(({ team, state, says, since, leases: live }) => {
      const ago = since === null ? '' : span(Math.max(0, now - Date.parse(since)))
      return `  ${marks[state]} ${pad(team, 20)} ${pad(`${live}`, 3)} ${pad(says, 52)} ${ago}`
    }),
  ]
}
