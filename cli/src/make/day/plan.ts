/**
 * A day as its file says it: teams with the two people of each, when it is, what may be asked for, when
 * everything ends. Pure. What is wrong is said with its row, all of it at once where it can be.
 */
import type { Ask } from '../../../../src/doors/api/contract.ts'
import { Problem } from '../../problem.ts'
import { parseAtMost, parseNeed } from '../../verbs/requests.ts'
import { type Node, parseYaml, refuseRow } from './yaml.ts'

export interface Need {
  readonly resource: string
  readonly actions: Ask['actions']
  /** Of what spends: the day's cap. */
  readonly budget?: Ask['budget']
}

export interface Team {
  readonly row: number
  /** Also the name of its app. */
  readonly name: string
  readonly purpose: string
  /** Becomes the owner of its app, and the backup. */
  readonly driver: string
  readonly engineer: string
  readonly template: string
  readonly says: string
  readonly needs: readonly Need[]
}

export interface Day {
  readonly name: string
  /** Instants in UTC. */
  readonly opens: string
  readonly closes: string
  /** Of every app. */
  readonly ends: string
  /** Whose word alone lets an app live on. */
  readonly approvers: readonly { readonly row: number; readonly name: string }[]
  readonly datasets: readonly (Need & { readonly row: number; readonly name: string })[]
  readonly teams: readonly Team[]
  readonly closesRow: number
}

const maxTeams = 1000
const slug = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
/** A prototype lives so long at most. */
const maxDays = 30

/** Problem with every row that is wrong; the first says what it is. `now` in milliseconds since 1970. */
export function parseDay(text: string): Day {
  const faults: Problem[] = []
  const root = mapOf(parseYaml(text), 'day window ends approvers datasets templates spendCap teams')
  const keep = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      faults.push(error)
      return undefined
    }
  }
  const name = keep(() => slugOf(root, 'day'))
  const times = keep(() => timesOf(root))
  const approvers = keep(() => listOf(root, 'approvers', false).map(textIn)) ?? []
  const cap = keep(() => capOf(root))
  const datasets =
    keep(() => [...mapOf(need(root, 'datasets')).members].map(each => datasetOf(each, cap))) ?? []
  const templates = keep(() => templatesOf(root)) ?? []
  const known = {
    datasets: new Map(datasets.map(each => [each.name, each])),
    templates: new Map(templates),
  }
  const teams = (keep(() => listOf(root, 'teams', true)) ?? []).flatMap(
    node => keep(() => teamOf(node, known)) ?? [],
  )
  faults.push(...twice(teams))
  if (teams.length > maxTeams)
    faults.push(refuseRow(teams[maxTeams]?.row ?? 0, `a day has at most ${maxTeams} teams.`))
  if (faults.length > 0 || name === undefined || times === undefined) throw together(faults)
  return { name, ...times, approvers, datasets, teams }
}

/** A day that is over makes nothing new; it can still be watched, closed and reported. */
export function refusePast({ closes, ends, closesRow }: Day, now: number): void {
  if (Date.parse(closes) <= now)
    throw refuseRow(
      closesRow,
      `the window was over at ${closes}.`,
      'Name a day that is still to come.',
    )
  if (Date.parse(ends) - now > maxDays * 86_400_000)
    throw refuseRow(
      closesRow,
      `\`ends\` is more than ${maxDays} days away: no prototype lives so long.`,
    )
}

/** Several at once, so that a file is mended once. */
export function together(faults: readonly Problem[]): Problem {
  const [first, ...more] = faults
  if (first === undefined) return refuseRow(1, 'nothing could be read.')
  if (more.length === 0) return first
  const shown = more.slice(0, 20).map(({ text }) => text.what)
  const left = more.length - shown.length
  const why = [...shown, ...(left > 0 ? [`… and ${left} more.`] : [])].join('\n')
  return new Problem({ ...first.text, why })
}

type MapNode = Extract<Node, { is: 'map' }>

/** `names`: those it may have; any where none are named. */
function mapOf(node: Node, names?: string): MapNode {
  if (node.is !== 'map') throw refuseRow(node.row, 'here stand members, as `name: value`.')
  const known = names?.split(' ')
  const odd = [...node.members].find(([name]) => known && !known.includes(name))
  if (odd !== undefined)
    throw refuseRow(odd[1].row, `\`${odd[0]}\` is not known here; there are: ${names}.`)
  return node
}

function need({ members, row }: MapNode, name: string): Node {
  const node = members.get(name)
  if (node === undefined) throw refuseRow(row, `\`${name}\` is missing.`)
  return node
}

function textIn(node: Node): { row: number; name: string } {
  if (node.is !== 'text' || node.text.length > 300)
    throw refuseRow(node.row, 'here stands one text of at most 300 characters.')
  return { row: node.row, name: node.text }
}

function textOf(map: MapNode, name: string): string {
  return textIn(need(map, name)).name
}

function slugOf(map: MapNode, name: string): string {
  const { row, name: text } = textIn(need(map, name))
  if (slug.test(text) && text.length <= 40) return text
  throw refuseRow(row, `\`${text}\` is no name: lower-case letters, digits and single dashes.`)
}

function listOf(map: MapNode, name: string, isNeeded: boolean): readonly Node[] {
  const node = isNeeded ? need(map, name) : map.members.get(name)
  if (node === undefined) return []
  if (node.is !== 'list' || (isNeeded && node.items.length === 0))
    throw refuseRow(node.row, `\`${name}\` is a list, as \`- item\`.`)
  return node.items
}

function timesOf(root: MapNode) {
  const window = mapOf(need(root, 'window'), 'opens closes')
  const [opens, closes] = [timeOf(window, 'opens'), timeOf(window, 'closes')]
  const ends = timeOf(root, 'ends')
  if (closes.at <= opens.at) throw refuseRow(closes.row, 'the window closes before it opens.')
  if (ends.at < closes.at) throw refuseRow(ends.row, '`ends` is before the window closes.')
  return { opens: opens.at, closes: closes.at, ends: ends.at, closesRow: closes.row }
}

function timeOf(map: MapNode, name: string) {
  const { row, name: text } = textIn(need(map, name))
  const form = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/
  const ms = form.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN
  if (Number.isNaN(ms))
    throw refuseRow(row, `\`${text}\` is no time with its zone, as 2026-11-26T09:00+01:00.`)
  return { row, at: new Date(ms).toISOString() }
}

function capOf(root: MapNode): Ask['budget'] {
  const node = root.members.get('spendCap')
  return node && reading(node.row, () => parseAtMost(textIn(node).name))
}

/** What is wrong with it, said with its row. */
function reading<T>(row: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof Problem && !/^Row \d/.test(error.text.what))
      throw refuseRow(row, error.text.what, error.text.next)
    throw error
  }
}

function datasetOf([name, node]: readonly [string, Node], cap: Ask['budget']) {
  const { row, name: text } = textIn(node)
  const { resource, actions } = reading(row, () => parseNeed(text))
  const spends = actions.includes('spend')
  if (spends && cap === undefined)
    throw refuseRow(row, `\`${name}\` spends, and the day has no \`spendCap\`.`)
  return { row, name, resource, actions, ...(spends && { budget: cap }) }
}

interface Template {
  readonly says: string
  readonly data: readonly { readonly row: number; readonly name: string }[]
}

function templatesOf(root: MapNode): [string, Template][] {
  return [...mapOf(need(root, 'templates')).members].map(([name, node]) => {
    const map = mapOf(node, 'says data')
    return [name, { says: textOf(map, 'says'), data: listOf(map, 'data', false).map(textIn) }]
  })
}

interface Known {
  readonly datasets: ReadonlyMap<string, Day['datasets'][number]>
  readonly templates: ReadonlyMap<string, Template>
}

function teamOf(node: Node, known: Known): Team {
  const map = mapOf(node, 'name purpose driver engineer template data')
  const chosen = textIn(need(map, 'template'))
  const template = known.templates.get(chosen.name)
  if (template === undefined)
    throw refuseRow(chosen.row, `there is no template \`${chosen.name}\`.`)
  const data = [...template.data, ...listOf(map, 'data', false).map(textIn)]
  const needs = new Map(
    data.map(({ row, name }) => {
      const dataset = known.datasets.get(name)
      if (dataset === undefined) throw refuseRow(row, `there is no dataset \`${name}\`.`)
      return [dataset.resource, dataset]
    }),
  )
  const people = { driver: textOf(map, 'driver'), engineer: textOf(map, 'engineer') }
  const said = { name: slugOf(map, 'name'), purpose: textOf(map, 'purpose'), ...people }
  return {
    row: node.row,
    ...said,
    template: chosen.name,
    says: template.says,
    needs: [...needs.values()].map(({ resource, actions, budget }) => ({
      resource,
      actions,
      ...(budget && { budget }),
    })),
  }
}

/** A name of two teams, and a person in two places. */
function twice(teams: readonly Team[]): Problem[] {
  const names = new Map<string, number>()
  const people = new Map<string, Team>()
  return teams.flatMap(team => {
    const faults: Problem[] = []
    const row = names.get(team.name)
    if (row !== undefined)
      faults.push(refuseRow(team.row, `team \`${team.name}\` is there already, in row ${row}.`))
    names.set(team.name, row ?? team.row)
    for (const person of [team.driver, team.engineer]) {
      const other = people.get(person.toLowerCase())
      if (other !== undefined) faults.push(inTwo(team, person, other))
      else people.set(person.toLowerCase(), team)
    }
    return faults
  })
}

export function inTwo(team: Team, person: string, other: Team): Problem {
  const where =
    other === team ? 'both driver and engineer' : `in \`${other.name}\` as well, row ${other.row}`
  return refuseRow(team.row, `\`${person}\` is ${where}; a team has two people of its own.`)
}
