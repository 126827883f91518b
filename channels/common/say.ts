/**
 * A notice in words. ATTACKER: names and findings hold what strangers wrote: a line break that begins a header, a
 * sign that turns text around, an address that a reader's program makes a link of. None of it gets through here;
 * what else means something to a channel is escaped there.
 */
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { safeText } from '../../src/core/base/text.ts'
import type { Notice, View } from '../../src/life/notify/notice.ts'
import type { Kind, Message } from './channel.ts'
import words from './says.json' with { type: 'json' }

const most = { nameChars: 80, wordsChars: 500, titleChars: 120 }
type Sentence = Readonly<Record<'title' | 'text' | 'step' | 'path', string>>
const { says, ...tables } = words

/** `home`: the address that the pages have. */
export function messageOf(notice: Notice, view: View, home: string): Message {
  const { id, about, at, thread, facts, to, before, quiet } = notice
  const kind = notice.kind as Kind
  const key = kind === 'app.ended' ? `${kind}.${facts['state'] as string}` : kind
  const { title, text, step, path }: Sentence = says[key as keyof typeof says]
  const named = { ...namesOf(notice, view), ...tabled(facts) }
  const fill = (given: string) => filled(given, { ...named, asks: filled(named['asks'], named) })
  return {
    id,
    kind,
    about,
    at,
    thread,
    to,
    step,
    facts: { ...facts, ...askedBy(notice) },
    title: safeText(fill(title), most.titleChars),
    text: fill(text),
    link: `${home}${filled(path, { about, app: named['app'] }, encodeURIComponent)}`,
    instead: quiet ? before : null,
  }
}

/** Of a request for data, by ids. */
function askedBy({ said }: Notice): JsonObject {
  const { actions = null, resourceId = null } = said ?? {}
  return resourceId === null ? {} : { actions, resourceId }
}

type Names = Readonly<Record<string, string | undefined>>

function namesOf(notice: Notice, view: View): Names {
  const { about, facts, people } = notice
  const { actions = null, resourceId = null, words: sentence = null } = notice.said ?? {}
  const { appId, askedBy, expiresAt, endsAt } = facts
  const slug = (table: string, id: Json | undefined) =>
    view.find(table, id as string)?.['slug'] as string | undefined
  const app = slug('app', appId ?? about)
  const asker = people.find(each => each.id === askedBy)?.name
  return {
    about,
    app: plain(app ?? 'this installation'),
    asker: asker === undefined ? 'A run' : plain(asker),
    resource: plain(slug('resource', resourceId ?? '') ?? 'data'),
    actions: plain((actions ?? []).join(' and ')),
    words: plain(sentence ?? (facts['what'] as string | undefined) ?? '', most.wordsChars),
    short: `${about.startsWith('rq_') ? 'R' : 'F'}-${about.slice(3, 8).toUpperCase()}`,
    expiresAt: timeOf(expiresAt),
    endsAt: timeOf(endsAt),
  }
}

/** What a table has words for is said in these. */
function tabled(facts: Notice['facts']): Names {
  const found = Object.entries(tables).map(([name, table]) => {
    const said = (table as Readonly<Record<string, string>>)[facts[name] as string]
    return [name, said ?? '']
  })
  return Object.fromEntries(found) as Names
}

function filled(text: string | undefined, names: Names, form = (name: string) => name): string {
  return (text ?? '').replaceAll(/\{(\w+)\}/g, (_, name: string) => form(names[name] ?? ''))
}

/** One line, bounded, nothing invisible, and nothing that a reader's program takes for an address. */
function plain(text: string, maxChars = most.nameChars): string {
  return safeText(text, maxChars).replaceAll(/:\/\/|www\./gi, '·')
}

function timeOf(instant: Json | undefined): string {
  return typeof instant === 'string' ? `${instant.slice(0, 16).replace('T', ' ')} UTC` : ''
}
