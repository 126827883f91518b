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
import type { Sql } from '../../core/store/store.ts'
import { errors } from './quiet-provider.ts'

/** Ids are the codes and tokens themselves, so only their hashes are kept. A grant's is no secret. */
function keyOf(kind: string, id: string): string {
  return kind === 'Grant' ? id : sha256Hex(id)
}

export function oidcState(sql: Sql, clock: Clock): (kind: string) => Adapter {
  return kind => {
    const findBy = async (column: 'id' | 'user_code' | 'uid', value: string) => {
      const [row] = await sql.query<{ payload: AdapterPayload; consumedAt: Instant | null }>(
        `select payload, consumed_at as "consumedAt" from oidc_state
         where kind = $1 and ${column} = $2`,
        [kind, value],
      )
      if (row === undefined) return undefined
      return row.consumedAt === null ? row.payload : { ...row.payload, consumed: true }
    }
    const remove = async (column: 'id' | 'grant_id', value: string) => {
      const text = `delete from oidc_state where kind = $1 and ${column} = $2`
      await sql.query(text, [kind, value])
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
        const found = [grantId, userCode, uid, expiresAt]
        await sql.query(upsertText, [kind, keyOf(kind, id), JSON.stringify(payload), ...found])
      },
      consume: id => consume(sql, kind, keyOf(kind, id), clock.now()),
      destroy: id => remove('id', keyOf(kind, id)),
      revokeByGrantId: grantId => remove('grant_id', grantId),
    }
  }
}

const upsertText = `
  insert into oidc_state (kind, id, payload, grant_id, user_code, uid, expires_at)
  values ($1, $2, $3::jsonb, $4, $5, $6, $7)
  on conflict (kind, id) do update set payload = excluded.payload, grant_id = excluded.grant_id,
    user_code = excluded.user_code, uid = excluded.uid, expires_at = excluded.expires_at`

/** The loser of a race holds something that was used: what came of it ends too (RFC 9700 §4.14). */
async function consume(sql: Sql, kind: string, id: string, now: Instant): Promise<void> {
  const won = await sql.query(
    `update oidc_state set consumed_at = $3
     where kind = $1 and id = $2 and consumed_at is null returning id`,
    [kind, id, now],
  )
  if (won.length === 1) return
  await sql.query(
    `delete from oidc_state where kind = 'Grant'
     and id = (select grant_id from oidc_state where kind = $1 and id = $2)`,
    [kind, id],
  )
  throw new errors.InvalidGrant('it was used already')
}
