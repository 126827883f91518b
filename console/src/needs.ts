/** What needs the person who is signed in, the gravest first: made of the lists they may see anyway. */
import type * as api from './api.ts'

export interface Need {
  readonly key: string
  /** One word for what it is; the glyph and tone are of `state`. */
  readonly kind: 'STILL THERE' | 'FINDING' | 'ASK' | 'HAND-OVER' | 'OWNER GONE' | 'PREFLIGHT'
  readonly state: string
  readonly about: string | null
  readonly says: string
  readonly at: string
  readonly to: string
  readonly verb: string
  readonly rank: number
}

export interface Seen {
  readonly me: api.PersonView
  readonly apps: readonly api.AppView[]
  readonly requests: readonly api.RequestView[]
  readonly findings: readonly api.FindingView[]
  readonly residual: readonly api.ResidualView[]
  readonly targets: readonly api.TargetView[]
}

/** Not proven gone weighs most; then what was found; then who waits for an answer. */
const ranks = { high: 1, medium: 4, low: 7 } as const

export function listNeeds(seen: Seen): Need[] {
  const needs = [
    ...seen.residual.filter(each => isMyTurn(each, seen)).map(needOfResidual),
    ...seen.findings.map(finding => needOfFinding(finding, seen)),
    ...seen.requests.filter(each => mayAnswer(each, seen.me)).map(needOfRequest),
    ...seen.apps.filter(app => app.offeredTo === seen.me.name).map(needOfOffer),
    ...seen.apps.filter(app => isMineToTake(app, seen)).map(needOfOrphan),
    ...seen.targets.filter(each => isFailed(each, seen.me)).map(needOfTarget),
  ]
  return needs.sort((a, b) => a.rank - b.rank || a.at.localeCompare(b.at))
}

/** Whether the card asks for this person's answer. The server decides; this only sorts. */
export function mayAnswer(request: api.RequestView, me: api.PersonView): boolean {
  return (
    request.state === 'open' &&
    request.approvers.includes(me.name) &&
    !request.answers.some(answer => answer.person === me.name)
  )
}

function isMyTurn({ turn, app }: api.ResidualView, { me, apps }: Seen): boolean {
  const of = apps.find(each => each.slug === app)
  if (turn === 'owner') return of?.owner.id === me.id
  if (turn === 'backup') return of?.backup?.id === me.id
  return me.roles.includes(turn)
}

/** Where nobody was told yet: what tells of it is a finding, and says it once. */
function isMineToTake(app: api.AppView, { me, findings }: Seen): boolean {
  const isOver = ['ended', 'graduated'].includes(app.state)
  if (isOver || app.owner.isLiving || app.backup?.id !== me.id) return false
  return !findings.some(({ about }) => about === app.slug)
}

function isFailed(target: api.TargetView, me: api.PersonView): boolean {
  return target.preflightState === 'failed' && me.roles.includes('platform')
}

const needOfResidual = (left: api.ResidualView): Need => ({
  key: `residual ${left.app} ${left.system} ${left.name}`,
  kind: 'STILL THERE',
  state: left.state,
  about: left.app,
  says: `${left.name} at ${left.system} is not proven gone`,
  at: left.sinceAt,
  to: `/apps/${left.app}/end`,
  verb: 'Look',
  rank: 0,
})

function needOfFinding(finding: api.FindingView, { apps }: Seen): Need {
  const app = apps.find(each => each.slug === finding.about)
  return {
    key: finding.id,
    kind: 'FINDING',
    state: finding.severity,
    about: app?.slug ?? null,
    says: finding.says,
    at: finding.madeAt,
    to: `/findings/${finding.shortId}`,
    verb: 'Look',
    rank: ranks[finding.severity],
  }
}

const needOfRequest = (request: api.RequestView): Need => ({
  key: request.id,
  kind: 'ASK',
  state: 'open',
  about: request.app,
  says: request.says,
  at: request.madeAt,
  to: `/requests/${request.shortId}`,
  verb: 'Review',
  rank: 5,
})

const needOfOffer = (app: api.AppView): Need => ({
  key: `offer ${app.id}`,
  kind: 'HAND-OVER',
  state: 'open',
  about: app.slug,
  says: `${app.owner.name} offers you ${app.slug}: ${app.purpose}`,
  at: app.madeAt,
  to: `/apps/${app.slug}`,
  verb: 'Look',
  rank: 6,
})

const needOfOrphan = (app: api.AppView): Need => ({
  key: `orphan ${app.id}`,
  kind: 'OWNER GONE',
  state: 'paused',
  about: app.slug,
  says: `${app.owner.name} is gone; you are the backup of ${app.slug}`,
  at: app.madeAt,
  to: `/apps/${app.slug}`,
  verb: 'Take over',
  rank: 3,
})

const needOfTarget = (target: api.TargetView): Need => ({
  key: `target ${target.id}`,
  kind: 'PREFLIGHT',
  state: 'failed',
  about: null,
  says: `${target.slug} does not do what a target must: its last preflight failed`,
  at: target.preflightAt ?? '',
  to: '/connect',
  verb: 'Look',
  rank: 2,
})
