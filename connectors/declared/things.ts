/**
 * What is at a declared system: its list, a page at a time, and one thing by itself. That something is
 * absent is said after the last page, or where the file says what absence looks like.
 */
import type { Json } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { safeText } from '../../src/core/base/text.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'
import type { RestAnswer } from '../rest/client.ts'
import { isOurName, kindOf } from '../rest/names.ts'
import type { Values } from './fill.ts'
import { namesIn } from './sense.ts'
import type { ListCall } from './shape.ts'
import { instantOf, matches, type System, valueAt } from './system.ts'

const most = { pages: 500, cursorChars: 1_500, idChars: 200 }

export interface Item extends Pick<Found, 'id' | 'name' | 'madeAt' | 'lastUsedAt'> {
  readonly endsAt: Found['madeAt']
  readonly creator: string
  /** It is in the list, and said to be over. */
  readonly isOver: boolean
}

/** By what a thing is looked for. */
export interface Sought {
  readonly principal: string
  readonly id?: string | undefined
  readonly object: Values
}

/**
 * The ids of what carries this name, or has this id; empty: it is not there. Undefined where the file
 * declares no way to look for it. Throws where that way does not come to an answer.
 */
export async function idsOf(
  system: System,
  { principal, id, object }: Sought,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const { find, list } = system.file
  const values = { ...object, principal, ...(id !== undefined && { id }) }
  const isListed = list?.item.name !== undefined
  // INVARIANT: a list of names comes first: there may be another of this name, which an id does not find.
  if (find !== undefined && !isListed && (id !== undefined || !namesIn(find).includes('id'))) {
    const answer = await system.ask(find, { values, takes: find.absent.status }, signal)
    if (matches(find.absent, answer)) return []
    if (answer.status >= 300) throw strange(system)
    const own = find.id === undefined ? (id ?? '') : textAt(answer.body, find.id)
    if (own === undefined) throw strange(system)
    return [own]
  }
  if (list === undefined || (!isListed && id === undefined)) return undefined
  const all = await readAll(system, list, signal)
  const isIt = (item: Item) => item.name === principal || item.id === id
  return all.filter(item => !item.isOver && isIt(item)).map(item => item.id)
}

export async function inventory(
  system: System,
  cursor: string | null,
  signal: AbortSignal,
): Promise<InventoryPage> {
  const { list } = system.file
  if (list === undefined) {
    const unseen = [{ what: `what is at ${system.name}`, needs: 'a `list` in its file' }]
    return { found: [], next: null, unseen }
  }
  const { items, next } = await readPage(system, { list, at: cursor ?? '' }, signal)
  const nameless = { what: 'which of them are ours', needs: 'a `name` of each in the list' }
  const isNameless = cursor === null && list.item.name === undefined
  const found = items.filter(item => !item.isOver).map(item => foundOf(item, list.kind ?? 'key'))
  return { found, next: next === '' ? null : next, ...(isNameless && { unseen: [nameless] }) }
}

function foundOf(
  { isOver: _, creator, ...item }: Item,
  kind: NonNullable<ListCall['kind']>,
): Found {
  const ours = isOurName(item.name)
  const by = creator === '' ? {} : { creator }
  return { ...item, kind: ours ? kindOf(item.name) : kind, ours, ...by, details: {} }
}

/** To its last page. */
export async function readAll(
  system: System,
  list: ListCall,
  signal: AbortSignal,
): Promise<Item[]> {
  const all: Item[] = []
  const seen = new Set<string>()
  for (let at = ''; !seen.has(at); ) {
    seen.add(at)
    if (seen.size > most.pages) throw system.refused(`${system.name} lists more than we can take.`)
    const { items, next } = await readPage(system, { list, at }, signal)
    all.push(...items)
    if (next === '') return all
    at = next
  }
  // ATTACKER: a list that leads in a circle would be read for ever, or be taken for whole.
  throw system.refused(`The list of ${system.name} does not come to an end.`)
}

interface Reading {
  readonly list: ListCall
  /** As `next` of the page before; empty for the first. */
  readonly at: string
}

export async function readPage(system: System, { list, at }: Reading, signal: AbortSignal) {
  const answer = await system.ask(list, askedOf(list, at), signal)
  const rows = valueAt(answer.body, list.items)
  if (!Array.isArray(rows)) throw strange(system)
  const items = rows.map((row: Json) => readItem(system, list, row))
  const next = nextOf({ list, at }, items, answer)
  if (next === undefined || next.length > most.cursorChars) throw strange(system)
  return { items, next }
}

/** ATTACKER: the cursor, which was out of our hands. */
function askedOf({ paging }: ListCall, at: string) {
  if (at.length > most.cursorChars || /[{}]/.test(at)) throw noCursor()
  if (paging === 'none') return {}
  if (paging === 'link') {
    if (at !== '' && !at.startsWith('/')) throw noCursor()
    return at === '' ? {} : { link: at }
  }
  if ('page' in paging) {
    if (!/^\d{0,9}$/.test(at)) throw noCursor()
    return { query: { [paging.page.query]: at === '' ? String(paging.page.from) : at } }
  }
  return at === '' ? {} : { query: { [paging.cursor.query]: at } }
}

/** Empty on the last page; undefined where the answer does not say what the file promised. */
function nextOf({ list, at }: Reading, items: readonly Item[], answer: RestAnswer) {
  const { paging } = list
  if (paging === 'none') return ''
  if (paging === 'link') return answer.next() ?? ''
  if ('page' in paging) {
    const now = at === '' ? paging.page.from : Number(at)
    return items.length === 0 ? '' : String(now + 1)
  }
  const { at: pointer, while: more } = paging.cursor
  const isMore = more === undefined ? undefined : valueAt(answer.body, more)
  if (more !== undefined && typeof isMore !== 'boolean') return undefined
  if (isMore === false) return ''
  if (pointer === undefined) return items.at(-1)?.id ?? (more === undefined ? '' : undefined)
  // Where nothing else says that there is more, a cursor that is missing is the end; an empty page is not.
  return textAt(answer.body, pointer) ?? (more === undefined ? '' : undefined)
}

function readItem(system: System, { item }: ListCall, row: Json): Item {
  const id = textAt(row, item.id)
  if (id === undefined) throw strange(system)
  const at = (pointer: string | undefined) =>
    pointer === undefined ? undefined : valueAt(row, pointer)
  const { ended } = item
  return {
    id,
    name: (item.name && textAt(row, item.name)) ?? id,
    madeAt: instantOf(at(item.madeAt)),
    lastUsedAt: instantOf(at(item.lastUsedAt)),
    endsAt: instantOf(at(item.endsAt)),
    creator: (item.creator && textAt(row, item.creator)) ?? '',
    isOver: ended?.is.some(each => each === valueAt(row, ended.at)) ?? false,
  }
}

/** A short text that can be shown, or a number as one. */
export function textAt(body: Json, pointer: string): string | undefined {
  const value = valueAt(body, pointer)
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || text === '' || text.length > most.idChars) return undefined
  return safeText(text) === text ? text : undefined
}

export const strange = ({ name, refused }: System) =>
  refused(`${name} answered something that its file does not say.`)
const noCursor = () =>
  new Problem('invalid-field', { field: 'cursor', detail: 'This is no cursor of ours.' })
