/**
 * Whether every team can begin: its people are here and in one team, its name is free, what it needs is
 * there and connected systems let a canary in and out; and, once the day is open, whether the rules would
 * let it have its first lease now. Makes nothing.
 */
import type * as api from '../../../../src/doors/api/contract.ts'
import { type Answer, glyph, mark } from '../../answer.ts'
import type { Cli } from '../../cli.ts'
import { Problem } from '../../problem.ts'
import { dayTime } from '../../time.ts'
import { said, segment } from '../../verbs/kit.ts'
import { type Day, inTwo, type Team } from './plan.ts'
import { again, findApp, read, send, spread, tried } from './work.ts'
import { refuseRow } from './yaml.ts'

export async function checkTeams(cli: Cli, day: Day, file: string): Promise<Answer> {
  const { faults, systems } = await checkDay(cli, day)
  const teams = await spread(day.teams, team => firstLease(cli, day, team))
  const ready = teams.filter(({ waitsFor }) => waitsFor === null).length
  const isGood = faults.length === 0 && systems.every(({ ok }) => ok)
  const told = faults.map(({ text }) => text.what)
  const all = `${ready}/${teams.length} teams can have their first lease now`
  const lines = [
    ...planLines(day, cli.host.now()),
    ...systems.map(({ name, ok, says }) => `  ${mark(ok)} ${name.padEnd(16)} ${says}`),
    ...told.map(each => `  ${glyph.bad} ${each}`),
    `  ${ready === teams.length ? glyph.ok : glyph.wait} ${all}`,
    ...waitingLines(teams),
  ]
  const next = `day ${ready === 0 ? 'open' : 'watch'} ${file}`
  return said({ ...planOf(day), systems, ready, teams, faults: told }, [lines, next, isGood])
}

/** What it would make, and nothing else: no server is asked. */
export async function showPlan(cli: Cli, day: Day, file: string): Promise<Answer> {
  const lines = day.teams.map(({ name, driver, engineer, template, needs }) => {
    const data = needs.map(({ resource, actions }) => `${resource}:${actions.join()}`).join(' ')
    return `  ${name.padEnd(20)} ${template.padEnd(12)} ${driver} · ${engineer}   ${data}`
  })
  const all = [...planLines(day, cli.host.now()), ...lines]
  return said({ ...planOf(day), teams: day.teams }, [all, `day check ${file}`])
}

export function planOf({ name: day, opens, closes, ends, datasets }: Day) {
  return { day, opens, closes, ends, datasets: datasets.length }
}

function planLines({ name, teams, datasets, opens, closes, ends }: Day, now: number): string[] {
  const [from, to, end] = [opens, closes, ends].map(at => dayTime(at, now))
  const counts = `${teams.length} teams · ${teams.length * 2} people · ${datasets.length} datasets`
  return [`${glyph.done} ${name}: ${counts}`, `  window ${from} – ${to}, all ends ${end}`]
}

export type Checked = Awaited<ReturnType<typeof checkDay>>

/** All that must hold before anything is made, and what is known of it. */
export async function checkDay(cli: Cli, day: Day) {
  const { person: me } = await read<api.Me>(cli, '/v1/me')
  const next = 'Ask one of them; or: leasehold login'
  if (me?.roles.includes('platform') !== true)
    throw refuseRow(1, 'a day is run by platform people, signed in as themselves.', next)
  const { items } = await read<{ items: api.ResourceView[] }>(cli, '/v1/resources')
  const resources = new Map(items.map(each => [each.slug, each]))
  const unknown = day.datasets.flatMap(({ row, name, resource }) => {
    const what = `dataset \`${name}\` is \`${resource}\`, which nobody has defined.`
    return resources.has(resource) ? [] : [refuseRow(row, what)]
  })
  const targets = new Set(day.datasets.flatMap(each => resources.get(each.resource)?.target ?? []))
  const people = await checkPeople(cli, day)
  const names = await spread(day.teams, team => checkName(cli, day, team))
  const systems = await spread([...targets], target => playCanary(cli, target))
  return { faults: [...unknown, ...people, ...names.flat()], systems, me, resources }
}

/** ATTACKER: one person by two names is two in the file; here they have one id. */
async function checkPeople(cli: Cli, day: Day): Promise<Problem[]> {
  const places = day.teams.flatMap(team =>
    [team.driver, team.engineer].map(text => ({ team, row: team.row, text })),
  )
  const all = [...places, ...day.approvers.map(each => ({ ...each, team: undefined }))]
  const found = await spread(all, async each => {
    return { ...each, person: await tried(() => findPerson(cli, each.text)) }
  })
  const seen = new Map<string, Team>()
  return found.flatMap(({ team, row, text, person }) => {
    if (person instanceof Problem) return [refuseRow(row, person.text.what)]
    const other = seen.get(person.id)
    // Who may let an app live on may be in a team as well.
    if (team === undefined) return []
    seen.set(person.id, other ?? team)
    return other ? [inTwo(team, text, other)] : []
  })
}

export async function findPerson(cli: Cli, named: string): Promise<api.PersonView> {
  const { items } = await read<{ items: api.PersonView[] }>(cli, '/v1/people', { named })
  if (items[0] === undefined) throw refuseRow(1, `\`${named}\` is nobody here.`)
  return items[0]
}

async function checkName(cli: Cli, day: Day, { row, name }: Team): Promise<Problem[]> {
  const app = await findApp(cli, name)
  const what = `there is, or was, an app \`${name}\` that is not of this day; a name is given once.`
  return app === undefined || app.day === day.name ? [] : [refuseRow(row, what)]
}

async function playCanary(cli: Cli, name: string) {
  const path = `/v1/targets/${segment(name)}/preflight`
  const play = () => send<api.TargetView>(cli, path, {}, { isLook: true })
  const target = await tried(() => again(cli, play))
  if (target instanceof Problem) return { name, ok: false, says: target.text.what }
  const ok = target.preflightState === 'passed'
  return { name, ok, says: `canary: ${ok ? 'made, let in, ended, refused, gone' : 'failed'}` }
}

/** `waitsFor` null: it can have its first lease now. */
export type Ready = { readonly team: string; readonly waitsFor: string | null }

/** Asked of the rules for exactly this app: what they would say to each lease its purpose needs. */
export async function firstLease(cli: Cli, day: Day, { name, ...team }: Team): Promise<Ready> {
  const waits = (waitsFor: string | null) => ({ team: name, waitsFor })
  const app = await findApp(cli, name)
  if (app?.day !== day.name) return waits('to be opened')
  const open = app.requests.find(({ state }) => state === 'open')
  if (open) return waits(open.approvers.join(', '))
  for (const { resource, actions } of team.needs) {
    const path = `/v1/resources/${segment(resource)}/who`
    const { items } = await read<{ items: api.WhoView[] }>(cli, path, { app: name })
    const may = items.filter(each => each.purpose === team.template && each.autonomy === 'attended')
    const isAllowed = actions.every(action => may.some(each => each.actions.includes(action)))
    if (!isAllowed) return waits(`a yes to ${resource}`)
  }
  return waits(app.trust.some(({ state }) => state === 'active') ? null : 'trust')
}

export function waitingLines(teams: readonly Ready[]): string[] {
  const by = Map.groupBy(teams, ({ waitsFor }) => waitsFor)
  by.delete(null)
  return [...by].map(([what, some]) => {
    const names = some.slice(0, 4).map(({ team }) => team)
    const more = some.length > names.length ? `, … ${some.length - names.length} more` : ''
    return `    ${some.length} wait for ${what}: ${names.join(', ')}${more}`
  })
}
