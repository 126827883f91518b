/**
 * Looking whether a lease is gone: the server's own lists, and the credential itself, tried on the
 * path that once accepted it while a probe account is let in there. Observations only.
 *
 * It never throws because something did not answer: what could not be looked at is `unknown`, with
 * the reason, beside what was seen.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Problem } from '../../src/core/base/problem.ts'
import type { Evidence, IssueOrder, VerifyOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import { isLiveText, lockedText } from './accounts.ts'
import { sessionsText } from './end.ts'
import { accountOf, nativeHash } from './issue.ts'
import { type Call, pathTo, type Reply, type Sql } from './links.ts'
import { readResidue } from './residue.ts'
import { explain } from './trouble.ts'

export const paths = ['list of accounts', 'the key itself'] as const

interface Look {
  readonly isListed: boolean
  readonly sessions: number
  readonly residue: readonly string[]
  /** Transactions that wait for somebody to commit them: the server does not say whose. */
  readonly prepared: number
}

export async function verifyGone(call: Call, order: VerifyOrder): Promise<Evidence> {
  ourName(order.holder)
  const account = accountOf(order, order.secret ?? '')
  const untried: Reply = { says: 'unclear', because: 'it can not be made again' }
  const tryPath = () =>
    Promise.all([
      order.secret === null ? untried : call.signIn(account),
      call.signIn(call.config.probe),
    ])
  let trying: ReturnType<typeof tryPath> | undefined
  let looks: Look[] = []
  let trouble: string | undefined
  try {
    // Once a creation under way is over: the lists, then the path, then the lists again.
    looks = await call.use(async sql => {
      await sql(lockedText(order.principal, ''))
      const first = await look(sql, order)
      trying = tryPath()
      await trying
      return [first, await lookAgain(sql, order)]
    })
  } catch (thrown) {
    trouble = explain(thrown).detail
  }
  const [credential, probe] = await (trying ?? tryPath())
  const isProof = order.acceptedPath === pathTo(call.config)
  const isTold = credential.says === 'accepted' || (credential.says === 'refused' && isProof)
  const because = [
    trouble,
    looks.some(each => each.prepared > 0) &&
      'One of the prepared transactions can be of this lease.',
    credential.says === 'unclear' && `The credential was not tried (${credential.because}).`,
    credential.says === 'refused' && !isProof && 'It is refused on a path that never accepted it.',
    probe.says !== 'accepted' && `The probe account was not let in (${probe.because}).`,
  ].filter(Boolean)
  const isListed = looks.some(each => each.isListed)
  return {
    listed: looks.length === 0 ? 'unknown' : isListed ? 'present' : 'absent',
    credential: isTold ? credential.says : 'not-tried',
    probe: probe.says === 'unclear' ? 'not-tried' : probe.says,
    sessions: looks.length === 0 ? null : Math.max(...looks.map(each => each.sessions)),
    residue: [...new Set(looks.flatMap(each => each.residue))],
    paths,
    because: because.length === 0 ? undefined : because.join(' '),
    at: call.clock.now(),
  }
}

/** A refusal counts only while the account is live: a locked one refuses everybody. */
export async function checkIntact(call: Call, order: IssueOrder): Promise<boolean> {
  const reply = await call.signIn(accountOf(order, order.secret))
  if (reply.says === 'accepted') return true
  const live = await call.use(sql =>
    sql(`select 1 from mysql.global_priv where User = ? and ${isLiveText}`, [order.principal]),
  )
  if (reply.says === 'refused' && live.length > 0) return false
  throw new Problem('target-unavailable', {
    detail:
      'The account is stopped, or its path gives no answer: its credential can not be compared.',
    next: 'Try again.',
    log: reply.because,
  })
}

async function look(sql: Sql, { principal, holder, secret }: VerifyOrder): Promise<Look> {
  const listed = await sql('select 1 from mysql.global_priv where User = ?', [principal])
  const sessions = await sql(sessionsText, [principal])
  const key = secret === null ? {} : { hash: nativeHash(secret) }
  const residue = await readResidue(sql, { principal, holder, ...key })
  const prepared = (await sql('xa recover')).length
  return { isListed: listed.length > 0, sessions: sessions.length, residue, prepared }
}

/** Our own sign-in is a session too, and listed for a moment after it was refused. */
async function lookAgain(sql: Sql, order: VerifyOrder): Promise<Look> {
  for (let tries = 1; ; tries++) {
    const seen = await look(sql, order)
    if (seen.sessions === 0 || tries === 10) return seen
    await wait(10 * tries)
  }
}
