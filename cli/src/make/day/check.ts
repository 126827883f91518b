/**
 * Whether every team can begin: its people are here and in one team, its name is free, what it needs is
 * there and connected systems let a canary in and out; and, once the day is open, whether the rules would
 * let it have its first lease now. Makes nothing.
 */
import type {
  Me,
  PersonView,
  ResourceView,
  TargetView,
  WhoView,
} from '../../../../src/doors/api/contract.ts'
import { type Answer, glyph, mark } from '../../answer.ts'
import type { Cli } from '../../cli.ts'
import { Problem } from '../../problem.ts'
import { dayTime } from '../../time.ts'
import { said, segment } from '../../verbs/kit.ts'
import { type Day, inTwo, type Team } from './plan.ts'
import { findApp, read, send, spread, tried } from './work.ts'
import { refuseRow } from './yaml.ts'

export interface Checked {
  readonly faults: readonly Problem[]
  /** Connected systems that data of the day lies at, and what the canary there came to. */
  readonly systems: readonly {
    readonly name: string
    readonly ok: boolean
    readonly says: string
  }[]
  readonly me: NonNullable<Me['person']>
  /** Ids of what can be asked for, by name. */
  readonly resourceIds: ReadonlyMap<string, string>
}

export async function checkTeams(cli: Cli, day: Day, file: string): Promise<Answer> {
  const { faults, systems } = await checkDay(cli, day)
  const teams = await spread(day.teams, team => firstLease(cli, day, team))
  const ready = teams.filter(team => team.waitsFor === null).length
  const isGood = faults.length === 0 && systems.every(({ ok }) => ok)
  const result = {
    ...planOf(day),
    systems,
    ready,
    teams,
    faults: faults.map(({ text }) => text.what),
  }
  const lines = [
    ...planLines(day, cli.host.now()),
    ...systems.map(({ name, ok, says }) => `  ${mark(ok)} ${name.padEnd(16)} ${says}`),
    ...faults.map(({ text }) => `  ${glyph.bad} ${text.what}`),
    `  ${ready === day.teams.length ? glyph.ok : glyph.wait} ${ready}/${day.teams.length} teams can have their first lease now`,
    ...waitingLines(teams),
  ]
  return said(result, [lines, `day ${ready === 0 ? 'open' : 'watch'} ${file}`, isGood])
}

/** What it would make, and nothing else: no server is asked. */
export async function showPlan(cli: Cli, day: Day, file: string): Promise<Answer> {
  const lines = day.teams.map(({ name, driver, engineer, template, needs }) => {
    const data = needs.map(({ resource, actions }) => `${resource}:${actions.join()}`)
    return `  ${name.padEnd(20)} ${template.padEnd(12)} ${driver} · ${engineer}   ${data.join(' ')}`
  })
  const all = [...planLines(day, cli.host.now()), ...lines]
  return said({ ...planOf(day), teams: day.teams }, [all, `day check ${file}`])
}

export function planOf({ name: day, opens, closes, ends, datasets }: Day) {
  return { day, opens, closes, ends, datasets: datasets.length }
}

function planLines(day: Day, now: number): string[] {
  const { name, teams, datasets, opens, closes, ends } = day
  const times = [opens, closes, ends].map(at => dayTime(at, now))
  return [
    `${glyph.done} ${name}: ${teams.length} teams · ${teams.length * 2} people · ${datasets.length} datasets`,
    `  window ${times[0]} – ${times[1]}, all ends ${times[2]}`,
  ]
}

/** All that must hold before anything is made. */
export async function checkDay(cli: Cli, day: Day): Promise<Checked> {
  const { person } = await read<Me>(cli, '/v1/me')
  const { items } = await read<{ items: ResourceView[] }>(cli, '/v1/resources')
  const resources = new Map(items.map(each => [each.slug, each]))
  const unknown = day.datasets.flatMap(({ row, name, resource }) =>
    resources.has(resource)
      ? []
      : [refuseRow(row, `dataset \`${name}\` is \`${resource}\`, which nobody has defined.`)],
  )
  const targets = new Set(day.datasets.flatMap(each => resources.get(each.resource)?.target ?? []))
  const [people, names, systems] = [
    await checkPeople(cli, day),
    await spread(day.teams, team => checkName(cli, day, team)),
    await spread([...targets], target => playCanary(cli, target)),
  ]
  const mine = person?.roles.includes('platform') ? [] : [notPlatform()]
  const faults = [...mine, ...unknown, ...people, ...names.flat()]
  const resourceIds = new Map(items.map(each => [each.slug, each.id]))
  return { faults, systems, me: person ?? throwMachine(), resourceIds }
}

function notPlatform(): Problem {
  return refuseRow(1, 'a day is run by platform people, and you are none.', 'Ask one of them.')
}

function throwMachine(): never {
  throw refuseRow(1, 'a person runs a day, not a workload.', 'leasehold login')
}

/** ATTACKER: one person by two names is two in the file; here they have one id. */
async function checkPeople(cli: Cli, day: Day): Promise<Problem[]> {
  const places = day.teams.flatMap(team =>
    [team.driver, team.engineer].map(name => ({ team, name })),
  )
  const found = await spread(places, async ({ team, name }) => ({
    team,
    name,
    person: await tried(() => findPerson(cli, name)),
  }))
  const seen = new Map<string, Team>()
  const faults = found.flatMap(({ team, name, person }) => {
    if (person instanceof Problem) return [refuseRow(team.row, person.text.what)]
    const other = seen.get(person.id)
    seen.set(person.id, other ?? team)
    return other === undefined ? [] : [inTwo(team, name, other)]
  })
  const approvers = await spread(day.approvers, async ({ row, name }) => {
    const person = await tried(() => findPerson(cli, name))
    return person instanceof Problem ? [refuseRow(row, person.text.what)] : []
  })
  return [...faults, ...approvers.flat()]
}

export async function findPerson(cli: Cli, name: string): Promise<PersonView> {
  const query = new URLSearchParams({ named: name })
  const { items } = await read<{ items: PersonView[] }>(cli, `/v1/people?${String(query)}`)
  const [person] = items
  if (person === undefined) throw refuseRow(1, `\`${name}\` is nobody here.`)
  return person
}

async function checkName(cli: Cli, day: Day, { row, name }: Team): Promise<Problem[]> {
  const app = await findApp(cli, name)
  if (app === undefined || app.day === day.name) return []
  const what = `there is, or was, an app \`${name}\` that is not of this day; a name is given once.`
  return [refuseRow(row, what)]
}

async function playCanary(cli: Cli, name: string) {
  const path = `/v1/targets/${segment(name)}/preflight`
  const target = await tried(() => send<TargetView>(cli, path, {}, { isLook: true }))
  if (target instanceof Problem) return { name, ok: false, says: target.text.what }
  const ok = target.preflightState === 'passed'
  return { name, ok, says: ok ? 'canary: made, let in, ended, refused, gone' : 'the canary failed' }
}

export interface Ready {
  readonly team: string
  /** Null: it can have its first lease now. */
  readonly waitsFor: string | null
}

/** Asked of the rules for exactly this app: what they would say to each lease its purpose needs. */
export async function firstLease(
  cli: Cli,
  day: Day,
  { name, template, needs }: Team,
): Promise<Ready> {
  const app = await findApp(cli, name)
  if (app?.day !== day.name) return { team: name, waitsFor: 'to be opened' }
  const open = app.requests.find(({ state }) => state === 'open')
  if (open) return { team: name, waitsFor: open.approvers.join(', ') }
  for (const { resource, actions } of needs) {
    const path = `/v1/resources/${segment(resource)}/who?app=${segment(name)}`
    const { items } = await read<{ items: WhoView[] }>(cli, path)
    const may = items.filter(each => each.purpose === template && each.autonomy === 'attended')
    const isAllowed = actions.every(action => may.some(each => each.actions.includes(action)))
    if (!isAllowed) return { team: name, waitsFor: `a yes to ${resource}` }
  }
  if (!app.trust.some(({ state }) => state === 'active')) return { team: name, waitsFor: 'trust' }
  return { team: name, waitsFor: null }
}

export function waitingLines(teams: readonly Ready[]): string[] {
  const waiting = teams.filter(({ waitsFor }) => waitsFor !== null)
  const by = Map.groupBy(waiting, ({ waitsFor }) => waitsFor ?? '')
  return [...by].map(([what, some]) => {
    const names = some.slice(0, 4).map(({ team }) => team)
    const more = some.length > names.length ? `, … ${some.length - names.length} more` : ''
    return `    ${some.length} wait for ${what}: ${names.join(', ')}${more}`
  })
}
