/** The cards of things: what a person is shown of an app, a lease, a request, a decision. */
import type * as api from '../../../src/doors/api/contract.ts'
import { glyph } from '../answer.ts'
import { denialLines } from '../present.ts'
import { moment } from '../time.ts'
import { fields, stateWord } from './kit.ts'

export function cardOf(type: string, thing: unknown, now: number): string[] {
  if (type === 'app') return appLines(thing as api.AppDetail, now)
  if (type === 'request') return requestLines(thing as api.RequestView, now)
  if (type === 'decision') return decisionLines(thing as api.DecisionView, now)
  if (type === 'lease') return leaseLines(thing as api.LeaseView, now)
  const members = Object.entries(thing as Record<string, string>)
  const simple = members.filter(([, value]) => typeof value !== 'object')
  return [type, ...simple.map(([name, value]) => `  ${name.padEnd(13)} ${value}`)]
}

export function appLines(app: api.AppDetail, now: number): string[] {
  const { grants, requests, leases, lastDenial: no } = app
  const open = requests.filter(each => each.state === 'open')
  const alive = leases.filter(each => each.state !== 'gone')
  const card = {
    ...app,
    canDo: grants.filter(({ state }) => /live|resting/.test(state)).map(grantText),
    waiting: open.map(each => `${glyph.wait} ${each.shortId} ${each.says}`),
    live: alive.map(each => `${each.shortId} ${each.resource} ${each.actions.join(', ')}`),
    held: app.holds.map(hold => `${glyph.held} ${hold.id} ${hold.reason}`),
    lastNo: no && `${no.what}: ${no.says}   leasehold why ${no.shortId}`,
  }
  const head = `${app.slug}   ${stateWord(app.state)}`
  const keys = ['purpose', 'owner', 'backup', 'offeredTo', 'stage', 'endsAt', 'endedAt'] as const
  const more = [
    'pausedBecause',
    'origin',
    'template',
    'watchedUntil',
    'canDo',
    'waiting',
    'live',
    'held',
    'lastNo',
    'says',
  ] as const
  return [head, ...fields(card, [...keys, ...more], now)]
}

function grantText(grant: api.GrantView): string {
  const { shortId, resource, actions, columns, columnsOf, usedAt } = grant
  const part = columnsOf === 0 ? '' : ` (${columns.length} of ${columnsOf} columns)`
  const used = usedAt === null ? ', never used' : ''
  const rests = `, rests: not used. Take it up again: leasehold keep ${shortId}`
  if (grant.state === 'resting') return `${glyph.off} ${resource} ${actions.join(', ')}${rests}`
  return `${glyph.ok} ${resource} ${actions.join(', ')}${part}${used}   ${shortId}`
}

export function leaseLines(lease: api.LeaseView, now: number): string[] {
  const { shortId, app, resource, actions, outcome, state, contained } = lease
  const stuck = contained ? `${glyph.held} contained: its target is stuck, it can do nothing` : null
  const head = `${shortId}   ${stateWord(outcome ?? state)}   ${app} ${resource} ${actions.join(', ')}`
  const keys = ['target', 'principal', 'identity', 'task', 'madeAt', 'termEndsAt'] as const
  const more = ['endsAt', 'diesAt', 'endedAt', 'cause', 'because', 'stuck'] as const
  return [head, ...fields({ ...lease, stuck }, [...keys, ...more], now)]
}

/** What a yes would mean: nothing of it may be left out, for the answer is bound to it. */
export function requestLines(request: api.RequestView, now: number): string[] {
  const { shortId, state, kind, app, says, answers, quorum, approvers } = request
  const before = answers.map(each => `${each.person}: ${each.says} ${each.comment ?? ''}`)
  const card = { ...request, before, needs: `${quorum} yes of ${approvers.join(', ')}` }
  const keys = ['askedBy', 'reason', 'gives', 'worst', 'before', 'needs', 'expiresAt'] as const
  const lines = fields(card, [...keys, 'closedAt', 'made', 'bodyHash'], now)
  return [`${shortId}   ${stateWord(state)}   ${kind} ${app ?? ''}`, `  ${says}`, ...lines]
}

export function decisionLines(decision: api.DecisionView, now: number): string[] {
  const { effect, at, what, shortId, denial, rules, bundle, position, ageMs } = decision
  const words = {
    permit: `${glyph.ok} Permitted`,
    deny: `${glyph.bad} Denied`,
    watched: `${glyph.wait} Watched: it went on, and policy denies it`,
  }
  const word = words[effect]
  const lines = denial ? denialLines(denial) : [`  Rules         ${rules.join(', ')}`]
  const seen = `  policy ${bundle.slice(0, 8)}, log #${position}, facts ${ageMs} ms old`
  return [`${word} ${moment(at, now)}   ${what}   ${shortId}`, ...lines, seen]
}
