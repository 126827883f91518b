/** What a run of `dev` may have now, and what it waits for: from what the server says of the app. Pure. */
import type { AppDetail } from '../../../src/doors/api/contract.ts'
import { usage } from '../problem.ts'
import { moment, span } from '../time.ts'

type Purpose = AppDetail['purposes'][number]
type Need = Purpose['needs'][number]

/** `since` is told apart from the sentence: it changes all the time. */
export type Wait = { readonly resource: string; readonly says: string; readonly since: string }

export interface Plan {
  readonly purpose: string
  /** Needs that are agreed to, as `run` takes them: `crm.deals:read`. */
  readonly ready: readonly string[]
  /** What has synthetic data for now, and why: one sentence each. */
  readonly waits: readonly Wait[]
  /** Another one means that the app must be started anew to have what it may have. */
  readonly key: string
}

export function planOf(app: AppDetail, named: string | undefined, role: string, now: number): Plan {
  const purpose = purposeOf(app, named)
  const isWorking = app.state === 'active'
  const isReady = (need: Need) => isWorking && isGranted(app, need, role)
  const ready = purpose.needs
    .filter(isReady)
    .map(({ resource, actions }) => `${resource}:${actions.join()}`)
  const missing = purpose.needs.filter(need => !isReady(need))
  const waits = missing.map(({ resource, actions }) => ({
    resource,
    says: isWorking
      ? whyNot(app, resource, actions.join())
      : `${app.slug} is ${app.state}. ${app.says}`,
    since: sinceOf(app, resource, now),
  }))
  const says = waits.map(each => `${each.resource}: ${each.says}`)
  const key = JSON.stringify([ready, says, app.owner.name, app.endsAt])
  return { purpose: purpose.name, ready, waits, key }
}

function purposeOf({ slug, purposes }: AppDetail, named: string | undefined): Purpose {
  const [only, ...others] = purposes.filter(({ name }) => name === (named ?? name))
  if (only !== undefined && others.length === 0) return only
  const names = purposes.map(({ name }) => name)
  const next = names.length === 0 ? 'leasehold manifest push' : `--purpose ${names.join(' or ')}`
  throw usage(`${slug} has ${names.length} purposes: for which one is this?`, next)
}

function isGranted({ grants }: AppDetail, { resource, actions }: Need, role: string): boolean {
  return grants.some(
    grant =>
      grant.state === 'live' &&
      grant.resource === resource &&
      grant.roles.includes(role) &&
      actions.every(action => grant.actions.includes(action)),
  )
}

/** The newest request for it is what is known of it. */
function whyNot(app: AppDetail, resource: string, actions: string): string {
  const request = requestOf(app, resource)
  const ask = `leasehold ask ${resource}:${actions} --because "…"`
  if (request === undefined) return `nobody was asked yet: ${ask}`
  const { state, shortId, approvers, answers } = request
  if (state === 'open') return `asked ${approvers.join(', ')} (${shortId})`
  const no = answers.find(({ says }) => says === 'no')
  if (state === 'denied')
    return `${no?.person ?? 'they'} said no: ${no?.comment ?? 'without a reason'}`
  return `${shortId} is ${state}: ${ask}`
}

function requestOf({ requests }: AppDetail, resource: string) {
  return requests
    .filter(({ kind, says }) => kind === 'grant' && says.split(/[\s,:]+/).includes(resource))
    .toSorted((a, b) => (a.madeAt < b.madeAt ? 1 : -1))[0]
}

function sinceOf(app: AppDetail, resource: string, now: number): string {
  const request = requestOf(app, resource)
  return request?.state === 'open' ? `, ${moment(request.madeAt, now)}` : ''
}

const hour = 3600 * 1000
const marks = [hour, 24 * hour, 7 * 24 * hour]

/** Said a week, a day and an hour before the end, of an app that was made before that; never silent. */
export function endWarning(
  { slug, endsAt, madeAt }: Pick<AppDetail, 'slug' | 'endsAt' | 'madeAt'>,
  now: number,
) {
  const [left, whole] = [Date.parse(endsAt) - now, Date.parse(endsAt) - Date.parse(madeAt)]
  const mark = marks.find(each => left > 0 && left <= each && each < whole)
  const says = `${slug} ends in ${span(left)}: leasehold extend ${slug}, or let it end`
  return mark === undefined ? undefined : { mark, says }
}
