/** Permits for tests of chapters above policy: what `policy/decide` would have made. */
import { sha256Hex } from '../../src/core/base/hash.ts'
import { type ActorId, type AnyId, newId } from '../../src/core/base/ids.ts'
import { type ActionName, issuePermit, type Permit } from '../../src/core/base/permit.ts'
import { type Instant, parseInstant } from '../../src/core/base/time.ts'

export function testPermit<A extends ActionName>(
  action: A,
  actor: ActorId,
  about: AnyId,
  at?: Instant,
): Permit<A> {
  const decidedAt = at ?? (parseInstant('2026-11-22T14:00:00.000Z') as Instant)
  const body = JSON.stringify({ test: true, action, actor, about })
  return issuePermit({
    action,
    actor,
    about,
    decidedAt,
    decisions: [
      {
        id: newId('decision'),
        at: decidedAt,
        appId: null,
        taskId: null,
        allowed: true,
        body,
        hash: sha256Hex(body),
      },
    ],
  })
}
