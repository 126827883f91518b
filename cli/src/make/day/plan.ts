/**
 * A day as its file says it: teams with the two people of each, when it is, what may be asked for, when
 * everything ends. Pure. What is wrong is said with its row, all of it at once where it can be.
 */
import type { Ask } from '../../../../src/doors/api/contract.ts'
import { Problem } from '../../problem.ts'
import { parseAtMost, parseNeed } from '../../verbs/requests.ts'
import { type Members, type Node, parseYaml, refuseRow } from './yaml.ts'

export type Day = ReturnType<typeof parseDay>
/** Its name is that of its app too; the driver becomes the owner of it, the engineer the backup. */
export type Team = ReturnType<typeof teamOf>
type Said = { readonly row: number; readonly text: string }
type Datasets = ReadonlyMap<string, ReturnType<typeof datasetOf>>
type Templates = ReadonlyMap<string, { says: string; data: readonly Said[] }>

const maxTeams = 1000
const known = 'read write destroy share-outside spend change-privilege'.split(' ')
const slug = /^(?=.{1,40}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/
/** A prototype lives so long at most. */
const maxDays = 30

/** Instants in UTC; `approvers`: whose word alone lets an app live on. */
export function parseDay(text: string) {
  const faults: Problem[] = []
  const keep = <T>(read: () => T): T[] => {
    try {
      return [read()]
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      faults.push(error)
      return []
    }
  }
  const names = 'day window ends approvers datasets templates spendCap teams'
  const root = mapOf(parseYaml(text), names)
  const [name = ''] = keep(() => slugIn(need(root, 'day')))
  const [times = { opens: '', closes: '', ends: '', closesRow: 0 }] = keep(() => timesOf(root))
  const [approvers = []] = keep(() => listOf(root.members.get('approvers')).map(textIn))
  const [cap] = keep(() => capOf(root.members.get('spendCap')))
  const data = keep(() => [...mapOf(need(root, 'datasets')).members]).flat()
  const datasets = new Map(
    data.flatMap(each => keep(() => [each[0], datasetOf(each, cap)] as const)),
  )
  const kinds = keep(() => [...mapOf(need(root, 'templates')).members]).flat()
  const templates = new Map(kinds.flatMap(each => keep(() => [each[0], templateOf(each)] as const)))
  const nodes = keep(() => listOf(need(root, 'teams'), 1)).flat()
  const teams = nodes.flatMap(node => keep(() => teamOf(node, datasets, templates)))
  faults.push(...twice(teams))
  if (faults.length > 0) throw together(faults)
  return { name, ...times, approvers, datasets: [...datasets.values()], teams }
}

/** A day that is over makes nothing new; it can still be watched, closed and reported. */
export function refusePast({ closes, ends, closesRow }: Day, now: number): void {
  const next = 'Name a day that is still to come.'
  if (Date.parse(closes) <= now)
    throw refuseRow(closesRow, `the window was over at ${closes}.`, next)
  const what = `\`ends\` is more than ${maxDays} days away: no prototype lives so long.`
  if (Date.parse(ends) - now > maxDays * 86_400_000) throw refuseRow(closesRow, what)
}

/** Several at once, so that a file is mended once. */
export function together([first, ...more]: readonly Problem[]): Problem {
  if (first === undefined) return refuseRow(1, 'nothing could be read.')
  const shown = more.slice(0, 20).map(({ text }) => text.what)
  const left = more.length - shown.length
  const why = [...shown, ...(left > 0 ? [`… and ${left} more.`] : [])].join(' · ')
  return more.length === 0 ? first : new Problem({ ...first.text, why })
}

type MapNode = { readonly row: number; readonly members: Members }

/** `names`: those it may have; any where none are named. */
function mapOf({ row, value }: Node, names?: string): MapNode {
  if (!(value instanceof Map)) throw refuseRow(row, 'here stand members, as `name: value`.')
  const members = value as Members
  const odd = [...members].find(([name]) => names && !names.split(' ').includes(name))
  if (odd) throw refuseRow(odd[1].row, `\`${odd[0]}\` is not known here; there are: ${names}.`)
  return { row, members }
}

function need({ members, row }: MapNode, name: string): Node {
  const node = members.get(name)
  if (node === undefined) throw refuseRow(row, `\`${name}\` is missing.`)
  return node
}

function textIn({ row, value }: Node): Said {
  if (typeof value === 'string' && value.length <= 300) return { row, text: value }
  throw refuseRow(row, 'here stands one text of at most 300 characters.')
}

function slugIn(node: Node): string {
  const { row, text } = textIn(node)
  if (slug.test(text)) return text
  throw refuseRow(row, `\`${text}\` is no name: lower-case letters, digits and single dashes.`)
}

function listOf(node: Node | undefined, least = 0): readonly Node[] {
  if (node === undefined) return []
  const { row, value } = node
  if (!Array.isArray(value) || value.length < least) throw refuseRow(row, 'here stands a list.')
  if (value.length > maxTeams) throw refuseRow(row, `a list has at most ${maxTeams} items.`)
  return value as readonly Node[]
}

function timesOf(root: MapNode) {
  const window = mapOf(need(root, 'window'), 'opens closes')
  const [opens, closes] = [timeIn(need(window, 'opens')), timeIn(need(window, 'closes'))]
  const ends = timeIn(need(root, 'ends'))
  if (closes.at <= opens.at) throw refuseRow(closes.row, 'the window closes before it opens.')
  if (ends.at < closes.at) throw refuseRow(ends.row, '`ends` is before the window closes.')
  return { opens: opens.at, closes: closes.at, ends: ends.at, closesRow: closes.row }
}

function timeIn(node: Node) {
  const { row, text } = textIn(node)
  const form = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/
  const ms = form.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN
  const what = `\`${text}\` is no time with its zone, as 2026-11-26T09:00+01:00.`
  if (Number.isNaN(ms)) throw refuseRow(row, what)
  return { row, at: new Date(ms).toISOString() }
}

/** What is wrong with a text, said with its row. */
function readIn<T>(node: Node, read: (text: string) => T): T {
  const { row, text } = textIn(node)
  try {
    return read(text)
  } catch (error) {
    throw error instanceof Problem ? refuseRow(row, error.text.what, error.text.next) : error
  }
}

function capOf(node: Node | undefined): Ask['budget'] {
  return node && readIn(node, parseAtMost)
}

/** A budget is on what spends alone: of anything else nobody could tell what it cost. */
function datasetOf([name, node]: readonly [string, Node], cap: Ask['budget']) {
  const { resource, actions } = readIn(node, parseNeed)
  const odd = actions.find(action => !known.includes(action))
  if (odd) throw refuseRow(node.row, `\`${odd}\` is nothing to do; there are: ${known.join(' ')}.`)
  const budget = actions.includes('spend') ? cap : undefined
  if (actions.includes('spend') && cap === undefined)
    throw refuseRow(node.row, `\`${name}\` spends, and the day has no \`spendCap\`.`)
  return { row: node.row, name, resource, actions, budget }
}

/** Its name is that of a purpose, too. */
function templateOf([name, node]: readonly [string, Node]) {
  slugIn({ row: node.row, value: name })
  const map = mapOf(node, 'says data')
  return { says: textIn(need(map, 'says')).text, data: listOf(map.members.get('data')).map(textIn) }
}

function teamOf(node: Node, datasets: Datasets, templates: Templates) {
  const map = mapOf(node, 'name purpose driver engineer template data')
  const said = (name: string) => textIn(need(map, name)).text
  const template = templates.get(said('template'))
  const { row } = need(map, 'template')
  if (!template) throw refuseRow(row, `there is no template \`${said('template')}\`.`)
  const own = listOf(map.members.get('data')).map(textIn)
  const needs = [...template.data, ...own].map(each => {
    const dataset = datasets.get(each.text)
    if (dataset === undefined) throw refuseRow(each.row, `there is no dataset \`${each.text}\`.`)
    return dataset
  })
  return {
    row: node.row,
    name: slugIn(need(map, 'name')),
    purpose: said('purpose'),
    driver: said('driver'),
    engineer: said('engineer'),
    template: said('template'),
    says: template.says,
    needs: [...new Set(needs)],
  }
}

/** A name of two teams, and a person in two places. */
function twice(teams: readonly Team[]): Problem[] {
  const [names, people] = [new Map<string, Team>(), new Map<string, Team>()]
  return teams.flatMap(team => {
    const { row, name, driver, engineer } = team
    const same = names.get(name)
    names.set(name, same ?? team)
    const what = `team \`${name}\` is there already, in row ${same?.row}.`
    const persons = [driver, engineer].flatMap(person => {
      const other = people.get(person.toLowerCase())
      people.set(person.toLowerCase(), other ?? team)
      return other ? [inTwo(team, person, other)] : []
    })
    return [...(same ? [refuseRow(row, what)] : []), ...persons]
  })
}

export function inTwo(team: Team, person: string, other: Team): Problem {
  const where = other === team ? 'both driver and engineer' : `in row ${other.row} as well`
  return refuseRow(team.row, `\`${person}\` is ${where}; a team has two people of its own.`)
}
