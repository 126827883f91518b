/**
 * Where our authorization server keeps its state: `oidc-provider`'s adapter on the table
 * `oidc_state`. Not for deciding: it stores and finds.
 *
 * INVARIANT: a code or refresh token is consumed once, also by many at the same moment: the winner
 * is whoever changed the row. Consumed rows stay until they expire, or reuse could not be seen.
 */
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { sha256Hex } from '../../core/base/hash.ts'
import { addSeconds, type Clock, type Instant } from '../../core/base/time.ts'
import { first, query, type Sql, verbatim } from '../../core/store/store.ts'
import { errors } from './quiet-provider.ts'

/** Ids are the codes and tokens themselves, so only their hashes are kept. A grant's is no secret. */
function keyOf(kind: string, id: string): string {
  return kind === 'Grant' ? id : sha256Hex(id)
}

export function oidcState(sql: Sql, clock: Clock): (kind: string) => Adapter {
  return kind => {
    const findBy = async (column: 'id' | 'user_code' | 'uid', value: string) => {
      const row = await first<{ payload: AdapterPayload; consumedAt: Instant | null }>(sql)`
        select payload, consumed_at as "consumedAt" from oidc_state
        where kind = ${kind} and ${verbatim(column)} = ${value}`
      if (row === undefined) return undefined
      return row.consumedAt === null ? row.payload : { ...row.payload, consumed: true }
    }
    const remove = async (column: 'id' | 'grant_id', value: string) => {
      await query(sql)`
        delete from oidc_state where kind = ${kind} and ${verbatim(column)} = ${value}`
    }
    return {
      async find(id) {
        const payload = await findBy('id', keyOf(kind, id))
        return payload === undefined ? undefined : { ...payload, jti: id }
      },
      findByUserCode: userCode => findBy('user_code', userCode),
      findByUid: uid => findBy('uid', uid),
      async upsert(id, { jti: _jti, ...payload }, expiresIn) {
        const expiresAt = expiresIn === undefined ? null : addSeconds(clock.now(), expiresIn)
        const { grantId = null, userCode = null, uid = null } = payload
        await query(sql)`
          insert into oidc_state (kind, id, payload, grant_id, user_code, uid, expires_at)
          values (${kind}, ${keyOf(kind, id)}, ${JSON.stringify(payload)}::jsonb, ${grantId},
            ${userCode}, ${uid}, ${expiresAt})
          on conflict (kind, id) do update set payload = excluded.payload,
            grant_id = excluded.grant_id, user_code = excluded.user_code, uid = excluded.uid,
            expires_at = excluded.expires_at`
      },
      consume: id => consume(sql, kind, keyOf(kind, id), clock.now()),
      destroy: id => remove('id', keyOf(kind, id)),
      revokeByGrantId: grantId => remove('grant_id', grantId),
    }
  }
}

/** The loser of a race holds something that was used: what came of it ends too (RFC 9700 §4.14). */
async function consume(sql: Sql, kind: string, id: string, now: Instant): Promise<void> {
  const won = await query(sql)`
    update oidc_state set consumed_at = ${now}
    where kind = ${kind} and id = ${id} and consumed_at is null returning id`
  if (won.length === 1) return
  await query(sql)`
    delete from oidc_state where kind = 'Grant'
      and id = (select grant_id from oidc_state where kind = ${kind} and id = ${id})`
  throw new errors.InvalidGrant('it was used already')
}
