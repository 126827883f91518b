/**
 * Looking whether a lease's token is gone. GitHub lists no tokens, so the token itself is tried on two
 * paths, while a token of ours is let in on both. Observations only; nothing is thrown.
 */
import { addSeconds } from '../../src/core/base/time.ts'
import type { Evidence, VerifyOrder } from '../../src/core/target/target.ts'
import type { App } from './app.ts'
import { endingOf, endingPaths, lookAtRepository } from './ending.ts'
import { lifeSeconds, pathOf } from './lease.ts'
import { isAccepted, isRefused, isToken, type Tried } from './token.ts'

export const paths = ['the token itself, at the REST API', 'the token itself, at GraphQL'] as const
/** GitHub's clock may be behind ours. */
const marginSeconds = 300

export async function verifyGone(
  app: App,
  order: VerifyOrder,
  signal: AbortSignal,
): Promise<Evidence> {
  if (!isToken(order.secret)) return lost(app, order)
  const ending = endingOf(order.object, order.secret)
  if (ending === undefined) return verifyToken(app, order, order.secret, signal)
  const [token, { residue, isSeen, because }] = await Promise.all([
    verifyToken(app, order, order.secret, signal),
    lookAtRepository(app, ending, signal),
  ])
  return {
    ...token,
    listed: isSeen || token.listed === 'present' ? token.listed : 'unknown',
    residue,
    paths: [...paths, ...endingPaths],
    because: [token.because ?? '', ...because].filter(each => each !== '').join(' ') || undefined,
  }
}

async function verifyToken(
  app: App,
  order: VerifyOrder,
  secret: string,
  signal: AbortSignal,
): Promise<Evidence> {
  const trying = app.tryToken(secret, signal)
  const [tried, probe] = await Promise.all([trying, tryProbe(app, signal)])
  const says = [tried.rest, tried.graph]
  const isDead = says.every(each => each === 'refused')
  const isProof = order.acceptedPath === pathOf(app, secret)
  const because = [...tried.because, ...probe.because]
  if (isDead && !isProof) because.push('It is refused on a path that never accepted it.')
  const isUnclear = says.includes('unclear')
  const isTold = isDead && isProof ? 'refused' : 'not-tried'
  return {
    listed: tried.rest === 'accepted' ? 'present' : isUnclear ? 'unknown' : 'absent',
    credential: says.includes('accepted') ? 'accepted' : isTold,
    probe: isAccepted(probe) ? 'accepted' : isRefused(probe) ? 'refused' : 'not-tried',
    // Each request there stands alone.
    sessions: isUnclear ? null : 0,
    residue: [],
    paths,
    because: because.length === 0 ? undefined : because.join(' '),
    at: app.clock.now(),
  }
}

/** Nobody can name it: it was made without our learning of it, or never. Only its hour ends that. */
function lost({ clock }: App, { deadline }: VerifyOrder): Evidence {
  const deadAt = addSeconds(deadline, lifeSeconds + marginSeconds)
  const isOver = clock.now() > deadAt
  return {
    listed: isOver ? 'absent' : 'unknown',
    credential: 'not-tried',
    probe: 'not-tried',
    sessions: isOver ? 0 : null,
    residue: [],
    paths: ['the longest life of a token'],
    because: isOver
      ? 'GitHub lets no token live over an hour, and that is over. This one was never confirmed.'
      : `GitHub lists no tokens. One that was made and never confirmed can live until ${deadAt}.`,
    at: clock.now(),
  }
}

/** A token of ours on the same paths. */
async function tryProbe(app: App, signal: AbortSignal): Promise<Tried> {
  const of = { metadata: 'read' } as const
  const trying = app.withOurs({ of, signal }, token => app.tryToken(token, signal), isRefused)
  return trying.catch(() => {
    const because = ['We have no token of our own there to compare with.']
    return { rest: 'unclear', graph: 'unclear', because }
  })
}
