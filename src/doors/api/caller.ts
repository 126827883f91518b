/** Who calls: a person by a token of our own authorization server, a workload by its task token, or nobody. */
import type { Context } from 'hono'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { PersonId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { Problem } from '../../core/base/problem.ts'
import { fromMs, type Instant } from '../../core/base/time.ts'
import type { Actor } from '../../core/policy/question.ts'
import type { TaskToken } from '../../core/token/verify.ts'

export interface PersonCaller {
  readonly kind: 'person'
  readonly validUntil: Instant
  readonly personId: PersonId
  readonly actor: Actor
}

export interface IdentityCaller extends TaskToken {
  readonly kind: 'identity'
  readonly validUntil: Instant
  readonly actor: Actor
}

export type KnownCaller = PersonCaller | IdentityCaller
export type Caller = KnownCaller | { readonly kind: 'nobody' }

export interface CallerWorld {
  readonly verifyPerson: (token: string) => Promise<{ personId: PersonId; signInEndsAt: Instant }>
  readonly verifyTask: (token: string) => Promise<TaskToken>
}

/** A token that is there and not good is refused; it is never taken for nobody. */
export async function callerOf(world: CallerWorld, context: Context): Promise<Caller> {
  const token = bearerOf(context.req.header('authorization'))
  if (token === undefined) return { kind: 'nobody' }
  // ATTACKER: only chooses which verifier runs; each verifies everything by itself.
  if (isTaskToken(token)) {
    const task = await world.verifyTask(token)
    return {
      kind: 'identity',
      ...task,
      validUntil: expiryOf(token),
      actor: { kind: 'identity', id: task.identityId, taskId: task.taskId },
    }
  }
  const { personId, signInEndsAt: validUntil } = await world.verifyPerson(token)
  return { kind: 'person', personId, validUntil, actor: { kind: 'person', id: personId } }
}

/** Undefined where none was sent. Problem `token-refused` for what is none. */
export function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const [, token] = /^Bearer ([\w~+/.-]+=*)$/i.exec(header) ?? []
  if (token === undefined || token.length > limits.foreignTokenBytes) throw refused()
  return token
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
  return new Problem('token-refused', {
    detail: 'This token is not accepted.',
    next: 'Sign in again.',
  })
}
