/**
 * Every app that ended in a range of days, for who audits: taken from the log, not from a list somebody could
 * shorten. Of each the certificate's hash, made here of the certificate itself, the entry that seals it, and
 * how the end was proven. What is ending and not proven is there too, and says so.
 */
import type * as api from './api.ts'
import { get } from './api.ts'
import type { List } from './use.ts'

/** From the first instant of a day up to the last of another, in UTC. */
export interface Range {
  readonly from: string
  readonly to: string
}

export interface Ended {
  readonly app: string
  readonly appId: string
  readonly purpose: string
  readonly owner: string
  readonly state: string
  readonly endedAt: string | null
  /** The entry that called it ended. */
  readonly endedEntry: number | null
  readonly proof: api.OffboardingView['state']
  /** `verified-gone 6, manual-attested 1`. */
  readonly outcomes: string
  readonly certificateHash: string | null
  readonly certificateEntry: number | null
  /** Whether that entry of the log has the very hash; null where there is no certificate. */
  readonly isSealed: boolean | null
}

export interface Population {
  readonly schema: 'leasehold/v1'
  readonly range: Range
  readonly madeAt: string
  /** All entries before this size were looked through; the checkpoint signs the log at its own. */
  readonly log: { readonly size: number; readonly checkpoint: string }
  readonly apps: readonly Ended[]
}

const atOnce = 4

/** `tell` is told how many of how many were read. */
export async function readPopulation(
  range: Range,
  tell: (done: number, all: number) => void,
): Promise<Population> {
  const { finishes, size } = await readFinishes(range)
  const ending = await readAll<api.AppView>('/v1/apps?state=ending')
  const wanted = [
    ...finishes.map(entry => ({ id: appOf(entry), entry })),
    ...ending.map(({ id }) => ({ id, entry: undefined })),
  ]
  const apps: Ended[] = []
  const next = wanted.entries()
  let done = 0
  const work = async () => {
    for (const [i, { id, entry }] of next) {
      apps[i] = await readEnded(id, entry)
      tell(++done, wanted.length)
    }
  }
  tell(0, wanted.length)
  await Promise.all(Array.from({ length: atOnce }, work))
  const checkpoint = await readText('/v1/log/checkpoint')
  const madeAt = new Date().toISOString()
  return { schema: 'leasehold/v1', range, madeAt, log: { size, checkpoint }, apps }
}

/** Newest first, as far back as the range; positions do not move, so no page can miss one. */
async function readFinishes({ from, to }: Range) {
  const finishes: api.LogEntryView[] = []
  let size: number | undefined
  for (let before: number | null | undefined; before !== null; ) {
    const query = new URLSearchParams({ kind: 'app.finish', limit: '200' })
    if (before !== undefined) query.set('before', String(before))
    const page: api.LogPage = await get(`/v1/log?${query}`)
    size ??= page.size
    finishes.push(...page.entries.filter(({ at }) => at >= from && at <= to))
    before = page.next
  }
  return { finishes, size: size ?? 0 }
}

function appOf({ subjects, position }: api.LogEntryView): string {
  const app = subjects.find(({ type }) => type === 'app')
  if (app === undefined) throw new Error(`Entry ${position} names no app.`)
  return app.id
}

async function readEnded(id: string, entry: api.LogEntryView | undefined): Promise<Ended> {
  const path = `/v1/apps/${id}`
  const [app, end] = await Promise.all([
    get<api.AppView>(path),
    get<api.OffboardingView>(`${path}/end`),
  ])
  const counts = Map.groupBy(end.items, ({ state }) => state)
  return {
    app: app.slug,
    appId: app.id,
    purpose: app.purpose,
    owner: app.owner.name,
    state: app.state,
    endedAt: app.endedAt,
    endedEntry: entry?.position ?? null,
    proof: end.state,
    outcomes: [...counts].map(([state, items]) => `${state} ${items.length}`).join(', '),
    ...(await readSeal(end, path)),
  }
}

type Seal = Pick<Ended, 'certificateHash' | 'certificateEntry' | 'isSealed'>

async function readSeal({ certifiedAt }: api.OffboardingView, path: string): Promise<Seal> {
  if (certifiedAt === null) return { certificateHash: null, certificateEntry: null, isSealed: null }
  const file = await get<api.CertificateFile>(`${path}/certificate`)
  const certificateHash = await hashOf(file.payload)
  const [, index = ''] = /^index (\d+)$/m.exec(file.tlogProof) ?? []
  const sealed = await get<api.LogEntryView>(`/v1/log/${index}`)
  const isSealed = sealed.facts['certificateHash'] === certificateHash
  return { certificateHash, certificateEntry: Number(index), isSealed }
}

/** SHA-256 in hex of what is signed, which lies in the file as base64. */
async function hashOf(payload: string): Promise<string> {
  const bytes = Uint8Array.from(atob(payload), letter => letter.charCodeAt(0))
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return [...hash].map(byte => byte.toString(16).padStart(2, '0')).join('')
}

async function readAll<T>(path: string): Promise<T[]> {
  const items: T[] = []
  for (let skip: number | null | undefined = 0; typeof skip === 'number'; ) {
    const page: List<T> = await get(`${path}&skip=${skip}`)
    items.push(...page.items)
    skip = page.next
  }
  return items
}

async function readText(path: string): Promise<string> {
  const response = await fetch(path, { credentials: 'same-origin' })
  if (!response.ok) throw new Error(`The checkpoint of the log was not given (${response.status}).`)
  return response.text()
}

const columns = [
  'app',
  'appId',
  'purpose',
  'owner',
  'state',
  'endedAt',
  'endedEntry',
  'proof',
  'outcomes',
  'certificateHash',
  'certificateEntry',
  'isSealed',
] as const satisfies readonly (keyof Ended)[]

/** RFC 4180. */
export function csvOf({ apps }: Pick<Population, 'apps'>): string {
  const rows = apps.map(app => columns.map(column => cell(app[column])).join(','))
  return `${[columns.join(','), ...rows].join('\r\n')}\r\n`
}

/** ATTACKER: a purpose that a spreadsheet takes for a formula. It is made text by a mark before it. */
function cell(value: Ended[keyof Ended]): string {
  const text = value === null ? '' : String(value)
  const plain = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return `"${plain.replaceAll('"', '""')}"`
}
