/** Introspection of task tokens (RFC 7662). What is unknown, over or not the asker's is not active. */
import type { JsonObject } from '../../core/base/json.ts'
import type { Decision } from '../../core/policy/decide.ts'
import type { Actor, Question } from '../../core/policy/question.ts'
import { lookAt, readTaskToken, type VerifyWorld } from '../../core/token/verify.ts'

export interface IntrospectWorld extends VerifyWorld {
  readonly decide: (question: Question<'token.introspect'>) => Decision<'token.introspect'>
}

/**
 * Undefined when it is no task token. `{active: false}` says nothing of why: §2.2 wants no difference
 * between what does not exist, what is over, and what the asker may not know.
 */
export function introspect(
  world: IntrospectWorld,
  input: { token: string; asker: Actor },
): JsonObject | undefined {
  const claims = readTaskToken(world, input.token)
  if (claims === null) return undefined
  const standing = lookAt(world, claims)
  if (typeof standing === 'string') return { active: false }
  const { tokenId, identityId } = claims
  const about = { type: 'token', id: tokenId, draft: { identityId } } as const
  const { asker: actor } = input
  if (!world.decide({ actor, action: 'token.introspect', about }).allowed) return { active: false }
  const token_type = claims.boundTo === null ? 'Bearer' : 'DPoP'
  return { ...(claims.all as JsonObject), active: true, token_type }
}
