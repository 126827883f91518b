/** Whom a change of a row, or an end that comes near, concerns, and what is told of it. Pure. */
import type { JsonObject } from '../../src/core/base/json.ts'
import { addMs, type Instant } from '../../src/core/base/time.ts'
import type { Happened, Telling, View } from '../../src/life/notify/notice.ts'
import type { Kind } from './channel.ts'

/** A telling before it is known by which channels, and to each. */
export interface Concern extends Omit<Telling, 'channel' | 'personId' | 'quiet'> {
  readonly kind: Kind
  /** Told anew; and those only whose message is said anew. */
  readonly to: readonly string[]
  readonly also: readonly string[]
}

/** A row as facts keep it: ids, enums and instants. */
type Row = Readonly<Record<string, string | null>> & { id: string; version: number }
type Rule = (happened: Happened & { row: Row }, view: View) => Concern | undefined

export function concernOf(happened: Happened, view: View): Concern | undefined {
  const row = happened.row as unknown as Row & JsonObject
  return rules[happened.table]?.({ ...happened, row }, view)
}

const rules: Readonly<Record<string, Rule>> = {
  request: ofRequest,
  finding: ofFinding,
  app: ofApp,
  offboarding: ofEnd,
}

const [hourMs, dayMs, firstLooksMs] = [3_600_000, 24 * 3_600_000, 600_000]

/** Who is asked; and when it is answered, who asked and for whose app. */
function ofRequest({ at, row }: Parameters<Rule>[0], view: View): Concern | undefined {
  const { state = null, kind: asks = null, appId = null, askedBy = null, expiresAt = null } = row
  if (state === 'used') return undefined
  const facts = { asks, state, appId, askedBy, expiresAt }
  const said = { ...newsOf(row, at), facts, thread: row.id }
  const approvers = (row as JsonObject)['approvers'] as readonly string[]
  if (state === 'open') return { ...said, kind: 'request.created', to: approvers, also: [] }
  const ownerId = view.find('app', appId ?? '')?.['ownerId']
  const askers = people(askedBy, ownerId).filter(each => !approvers.includes(each))
  return { ...said, kind: 'request.closed', to: askers, also: approvers }
}

/** Of nobody in particular it is for whoever has the role `platform`. What is low waits for nine o'clock. */
function ofFinding({ at, row }: Parameters<Rule>[0], view: View): Concern {
  const { kind: what = null, severity = null, about: thing = null, ownerId, state = null } = row
  const facts = { what, severity, thing, state }
  const said = { ...newsOf(row, at), facts, thread: row.id }
  const isPlatform = ({ roles }: JsonObject) => Array.isArray(roles) && roles.includes('platform')
  const platform = () => view.all('person').filter(isPlatform)
  const to = ownerId === null ? platform().map(each => each['id']) : [ownerId]
  if (state !== 'open') return { ...said, kind: 'finding.closed', to: [], also: people(...to) }
  const nine = `${at.slice(0, 10)}T09:00:00.000Z` as Instant
  const dueAt = severity !== 'low' ? at : nine > at ? nine : addMs(nine, dayMs)
  return { ...said, kind: 'finding.raised', to: people(...to), also: [], dueAt }
}

/** Who paused or extended it themselves need not be told. */
function ofApp({ at, row, kind }: Parameters<Rule>[0]): Concern | undefined {
  const { id, ownerId, backupId, state = null, endsAt = null, pausedBecause: because = null } = row
  const said = { ...newsOf(row, at), facts: { state, endsAt, because } }
  const both = people(ownerId, backupId)
  const [pause, ends] = [`${id}.pause`, `${id}.ends`]
  const to = because === 'owner' ? [] : both
  if (kind === 'app.pause' || kind === 'app.hand-over-due')
    return { ...said, kind: 'app.paused', to, also: [], thread: pause }
  if (kind === 'app.resume')
    return { ...said, kind: 'app.resumed', to: [], also: both, thread: pause }
  if (kind !== 'app.extend') return undefined
  return { ...said, kind: 'app.extended', to: [], also: both, thread: ends }
}

/** Each verdict once: a look that finds the same says nothing. The first looks are rarely the last. */
function ofEnd({ at, row, kind }: Parameters<Rule>[0], view: View): Concern | undefined {
  const { id, appId, state = null, certificateHash = null } = row
  const app = view.find('app', appId ?? '')
  if (kind !== 'offboard.certify' || app === undefined || typeof appId !== 'string')
    return undefined
  const dueAt = state === 'verified-gone' ? at : addMs(at, firstLooksMs)
  const said = { id: `${id}.${state}`, kind: 'app.ended', about: appId, at, dueAt } as const
  const to = people(app['ownerId'], app['backupId'])
  return { ...said, to, also: [], thread: `${appId}.ends`, facts: { state, certificateHash } }
}

const distancesMs = [hourMs, dayMs, 7 * dayMs]
const living = ['active', 'paused']

/** What came near between two instants: told once for each distance, of several the nearest alone. */
export function warningOf(app: JsonObject, from: Instant, to: Instant): Concern | undefined {
  const { id: about, endsAt, state, ownerId, backupId } = app as unknown as Row
  if (typeof endsAt !== 'string' || endsAt <= to || !living.includes(state ?? '')) return undefined
  const momentOf = (ms: number) => addMs(endsAt as Instant, -ms)
  const ms = distancesMs.find(each => momentOf(each) > from && momentOf(each) <= to)
  if (ms === undefined) return undefined
  const hours = ms / hourMs
  const said = { id: `${about}.${endsAt}.${hours}h`, kind: 'app.ending', about, at: to } as const
  const told = people(ownerId, ms === hourMs ? backupId : null)
  const rest = { dueAt: to, to: told, also: [], thread: `${about}.ends` }
  return { ...said, ...rest, facts: { endsAt, hours } }
}

/** What must still be so for it to be news, by the rows as they are now. */
export function isOver({ kind, about, facts }: Telling, view: View): boolean {
  const now = () => view.find('app', about)
  switch (kind) {
    case 'request.created':
      return view.find('request', about)?.['state'] !== 'open'
    case 'finding.raised':
      return view.find('finding', about)?.['state'] !== 'open'
    case 'app.ending':
      return now()?.['endsAt'] !== facts['endsAt'] || !living.includes(now()?.['state'] as string)
    case 'app.paused':
      return now()?.['state'] !== 'paused'
    case 'app.ended':
      return view
        .all('offboarding')
        .some(each => each['appId'] === about && each['state'] !== facts['state'])
    default:
      return false
  }
}

function newsOf({ id, version }: Row, at: Instant) {
  return { id: `${id}.${version}`, about: id, at, dueAt: at }
}

/** Each person once; runs, our own sweeps and nobody are none. */
function people(...ids: unknown[]): string[] {
  const isPerson = (id: unknown): id is string => typeof id === 'string' && id.startsWith('pe_')
  return [...new Set(ids.filter(isPerson))]
}
