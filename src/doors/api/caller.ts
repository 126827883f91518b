/**
 * Who calls: a person by a token of our own authorization server or the browser session of the console, a
 * workload by its task token, or nobody.
 */
import type { IncomingMessage } from 'node:http'
import type { Context } from 'hono'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { limits } from '../../core/base/limits.ts'
import { type Problem, problemOf } from '../../core/base/problem.ts'
import { fromMs, type Instant } from '../../core/base/time.ts'
import type { TaskToken } from '../../core/token/verify.ts'
import type { PersonToken } from '../../life/sign-in/person-token.ts'
import type { SessionWorld } from '../../life/sign-in/session.ts'
import { checkBound, type Proofs, type Proven } from '../../life/token/dpop.ts'
import { callerInSession, type SessionCaller } from './session.ts'

export type KnownCaller = Awaited<ReturnType<typeof verifyShown>> | SessionCaller
export type PersonCaller = Extract<KnownCaller, { kind: 'person' }>
export type IdentityCaller = Extract<KnownCaller, { kind: 'identity' }>
export type Caller = KnownCaller | { readonly kind: 'nobody' }

export interface CallerWorld extends SessionWorld {
  readonly issuer: string
  readonly proofs: Proofs
  readonly verifyPerson: (token: string) => Promise<Person>
  readonly verifyTask: (token: string) => Promise<TaskToken>
}

type Person = Pick<PersonToken, 'personId' | 'signInEndsAt' | 'boundTo'>

/** A token that is there and not good is refused; it is never taken for nobody. */
export async function callerOf(world: CallerWorld, context: Context): Promise<Caller> {
  const { req } = context
  const hosts = [new URL(req.url).host, new URL(world.issuer).host]
  const at = { method: req.method, path: req.path, hosts, proof: req.header('dpop') }
  const shown = shownAt(at, req.header('authorization'))
  const session = await callerInSession(world, context)
  if (shown === undefined) return session ?? { kind: 'nobody' }
  if (session !== undefined) throw problemOf('token-and-session')
  const caller = await verifyShown(world, shown)
  await checkShown(world.proofs, shown, caller)
  return caller
}

/** Whose token it is. That who shows it holds its key too is `checkShown`. */
export async function verifyShown(world: CallerWorld, { token }: Pick<Shown, 'token'>) {
  // ATTACKER: only chooses which verifier runs; each verifies everything by itself.
  if (isTaskToken(token)) {
    const task = await world.verifyTask(token)
    const { identityId: id, taskId } = task
    const actor = { kind: 'identity', id, taskId } as const
    return { kind: 'identity', ...task, validUntil: expiryOf(token), actor } as const
  }
  const { personId, signInEndsAt: validUntil, boundTo } = await world.verifyPerson(token)
  const actor = { kind: 'person', id: personId } as const
  return { kind: 'person', personId, validUntil, boundTo, actor } as const
}

/** A token as it was sent, the proof beside it, and the request both are for. */
export interface Shown extends Proven {
  readonly token: string
  readonly scheme: string
  readonly proof: string | undefined
}

/** Undefined where none was sent. Problem `token-refused` for what is none. */
export function shownIn(req: IncomingMessage, issuer: string): Shown | undefined {
  const at = { ...placeOf(req, issuer), proof: req.headers['dpop']?.toString() }
  return shownAt(at, req.headers.authorization)
}

function shownAt(at: Omit<Shown, 'token' | 'scheme'>, authorization: string | undefined) {
  if (authorization === undefined) return undefined
  const [, scheme = '', token] = /^(Bearer|DPoP) ([\w~+/.-]+=*)$/i.exec(authorization) ?? []
  if (token === undefined || token.length > limits.foreignTokenBytes) throw refused()
  return { ...at, token, scheme }
}

/** Once it was verified: that who shows it holds the key it is bound to. */
export function checkShown(
  proofs: Proofs,
  shown: Shown,
  { boundTo }: { readonly boundTo: string | null },
): Promise<void> {
  return checkBound(proofs, { ...shown, boundTo }, shown)
}

export function placeOf(req: IncomingMessage, issuer: string): Proven {
  const [path = ''] = (req.url ?? '').split('?')
  return { method: req.method ?? '', path, hosts: [req.headers.host ?? '', new URL(issuer).host] }
}

function isTaskToken(token: string): boolean {
  try {
    decodeProtectedHeader(token)
    return (decodeJwt(token).sub ?? '').startsWith('spiffe://')
  } catch {
    throw refused()
  }
}

/** Of a token that was verified. */
function expiryOf(token: string): Instant {
  return fromMs((decodeJwt(token).exp ?? 0) * 1000)
}

function refused(): Problem {
  return problemOf('token-not-accepted')
}
