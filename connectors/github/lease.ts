/**
 * The life of a lease's token: made with exactly the rights of its order on one repository, and tried
 * on two paths. GitHub makes the secret, and lets it die after an hour.
 */
import { sha256 } from '../../src/core/base/hash.ts'
import { limits } from '../../src/core/base/limits.ts'
import { addMs, addSeconds, type Instant } from '../../src/core/base/time.ts'
import type { HolderOrder, Issued, IssueOrder } from '../../src/core/target/target.ts'
import { over, requireTime } from '../rest/cloud.ts'
import { type App, isSame, objectOf, refused } from './app.ts'
import { covers, parseObject, permissionsOf } from './config.ts'
import { endingRights } from './ending.ts'
import { isAccepted, isRefused, isToken, unclear } from './token.ts'

/** GitHub's own: nobody can choose another. */
export const lifeSeconds = 3600

/**
 * Nothing is made: that the repository and the rights on it are ours to give is looked at. The
 * repository's id. ATTACKER: who renames a repository and is given its name for another one.
 */
export async function ensureRights(app: App, order: HolderOrder, signal: AbortSignal) {
  const object = parseObject(order.object)
  const needed = permissionsOf(object, order.actions)
  const { repository } = object
  const { organisation, installationId } = app.config
  if (!isSame(repository.split('/')[0], organisation))
    throw refused(`\`${repository}\` is not of \`${organisation}\`.`)
  const path = `/repos/${repository}`
  const found = { method: 'GET', path: `${path}/installation`, takes: [404] } as const
  const { id, permissions, suspended_at: at = null } = await app.asApp(found, signal)
  if (id !== installationId) throw missing(`The App is not installed on \`${repository}\`.`)
  if (at !== null) throw missing('The installation of the App is suspended.')
  const has = objectOf(permissions ?? {})
  const all = [needed, object.ends ? endingRights : {}].flatMap(of => Object.entries(of))
  const lacking = all.find(([name, level]) => !covers(has[name], level))
  if (lacking) throw missing(`The installation has no right \`${lacking.join(': ')}\`.`)
  const is = objectOf((await app.read(path, { metadata: 'read' }, signal)).body)
  if (object.ends && is['archived'] === true)
    throw refused(`\`${repository}\` is archived: it has ended.`, 'Unarchive it, at GitHub.')
  if (typeof is['id'] === 'number' && is['id'] === (object.id ?? is['id']))
    if (isSame(is['full_name'], repository)) return is['id']
  throw refused(`\`${repository}\` is another repository than the one that was agreed.`)
}

export async function issue(app: App, order: IssueOrder, signal: AbortSignal): Promise<Issued> {
  // One lease has one token: where there is one already, no other is made.
  if (isToken(order.secret)) return renew(app, order, signal)
  requireTime(app, order)
  const repositoryId = await ensureRights(app, order, signal)
  const permissions = permissionsOf(parseObject(order.object), order.actions)
  requireTime(app, order)
  const { token, diesAt } = await app.mint({ repositoryId, permissions }, signal)
  // GitHub can not be told a deadline: what comes late is taken back, and never handed on.
  if (app.clock.now() > order.deadline) await app.endToken(token, signal)
  requireTime(app, order)
  return { ...issuedOf(app, order, token, diesAt), secret: token }
}

/** No other token is made: GitHub can not let this one live longer, and says whether it still lives. */
export async function renew(app: App, order: IssueOrder, signal: AbortSignal): Promise<Issued> {
  if (!isToken(order.secret)) throw over('No token of this lease is known.')
  // It was made between the intent and its deadline.
  const earliest = addSeconds(addMs(order.deadline, -limits.intentDeadlineMs), lifeSeconds)
  if (order.endsAt > earliest) throw over('GitHub lets no token live that long.')
  const tried = await app.tryToken(order.secret, signal)
  if (isRefused(tried)) throw over('The token is not taken at GitHub any more.')
  if (!isAccepted(tried)) throw unclear(tried)
  return issuedOf(app, order, order.secret, addSeconds(order.deadline, lifeSeconds))
}

/**
 * The two paths, and the hash by which GitHub's audit log names the token (`hashed_token`): who is seen
 * there leads back to this lease.
 */
export function pathOf({ config }: App, token: string): string {
  const hash = sha256(token).toString('base64')
  return `REST and GraphQL at ${new URL(config.url).host}, token sha256 ${hash}`
}

function issuedOf(app: App, { object }: IssueOrder, token: string, diesAt: Instant): Issued {
  const { origin, pathname } = new URL(app.config.url)
  const path = pathname.replace(/\/$/, '')
  const { repository, ends } = parseObject(object)
  const connect = { path, speaks: 'http', preset: 'github', url: `${origin}${path}`, repository }
  // A repository that ends is there until somebody ends it, whatever becomes of the token.
  return { acceptedPath: pathOf(app, token), diesAt: ends ? null : diesAt, connect }
}

const missing = (detail: string) =>
  refused(
    detail,
    'An owner of the organisation changes that in the settings of the App, at GitHub.',
  )
