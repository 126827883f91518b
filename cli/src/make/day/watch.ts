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
import type { Day } from './plan.ts'
import { findApp, spread } from './work.ts'

const { held, bad: refused, wait: waits, off: missing, ok: runs } = glyph
/** Who needs somebody first; the first five are stuck. */
const marks = { held, refused, waits, missing, offered: waits, idle: waits, runs, over: missing }
type State = keyof typeof marks
const order = Object.keys(marks) as State[]
const stuck = order.slice(0, 5)
const drawMs = 5_000

/** `since` null: since when it is so is no matter. */
export type Tile = ReturnType<typeof tileOf>

export async function watchDay(cli: Cli, day: Day, file: string): Promise<Answer> {
  const isWall = cli.host.stdout.isTTY === true && !cli.options.is('json')
  for (;;) {
    const all = await spread(day.teams, async ({ name }) =>
      tileOf(name, day, await findApp(cli, name)),
    )
    const isShown = ({ state }: Tile) => !cli.options.is('stuck') || stuck.includes(state)
    const tiles = sortTiles(all).filter(isShown)
    const lines = wallLines(day, { all, tiles }, cli.host.now())
    const result = { ...planOf(day), teams: all.length, tiles }
    if (!isWall) return said(result, [lines, `day close ${file}`])
    cli.host.stdout.write('\u001b[2J\u001b[H')
    cli.out.answer({ result: undefined, lines })
    await cli.host.sleep(drawMs)
  }
}

/** Of those alike, who has needed it longest. */
export function sortTiles(tiles: readonly Tile[]): Tile[] {
  const key = ({ state, since, team }: Tile) => `${order.indexOf(state)} ${since ?? '~'} ${team}`
  return [...tiles].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** The one thing to know of a team now. */
export function tileOf(team: string, day: Pick<Day, 'name'>, app: AppDetail | undefined) {
  const live = app?.leases.filter(({ state }) => state === 'live') ?? []
  const tile = (state: State, says: string, since: string | null = null) => {
    return { team, state, says: shortIds(says), since, leases: live.length }
  }
  if (app?.day !== day.name) return tile('missing', 'not opened, or its name is taken')
  if (['ending', 'ended', 'graduated'].includes(app.state)) return tile('over', app.state)
  if (app.holds[0]) return tile('held', `on hold: ${app.holds[0].reason}`)
  if (app.state === 'paused') return tile('held', app.says)
  const { lastDenial: no } = app
  // A no it has got over since is no matter any more.
  const isLast = no !== null && app.leases.every(({ madeAt }) => madeAt < no.at)
  if (isLast) return tile('refused', `${no.rule}: ${no.says}`, no.at)
  const open = app.requests.filter(({ state }) => state === 'open')
  const [first] = open.map(({ madeAt }) => madeAt).sort()
  const whom = [...new Set(open.flatMap(({ approvers }) => approvers))].join(', ')
  if (first) return tile('waits', `waits for ${whom}`, first)
  const denied = app.requests.find(({ state }) => state === 'denied')
  if (denied) return tile('refused', `${denied.shortId} was answered with a no`, denied.closedAt)
  if (app.offeredTo !== null)
    return tile('offered', `${app.offeredTo} has not accepted it`, app.madeAt)
  if (app.leases[0] === undefined) return tile('idle', 'no lease yet', app.madeAt)
  return tile('runs', `${app.leases.length} leases so far`, app.leases[0].madeAt)
}

type Wall = Record<'all' | 'tiles', readonly Tile[]>

function wallLines(day: Day, { all, tiles }: Wall, now: number): string[] {
  const left = Date.parse(day.ends) - now
  const when = left > 0 ? `${span(left)} until every app ends` : 'every app has reached its end'
  const counts = [...Map.groupBy(sortTiles(all), ({ state }) => state)].map(
    ([state, some]) => `${marks[state]} ${some.length} ${state}`,
  )
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
