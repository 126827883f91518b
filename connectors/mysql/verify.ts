/**
 * Looking whether a lease is gone: the server's own lists, and the credential itself, tried on the
 * path that once accepted it while a probe account is let in there. Observations only.
 *
 * It never throws because something did not answer: what could not be looked at is `unknown`, with
 * the reason, beside what was seen.
 */
import { Problem } from '../../src/core/base/problem.ts'
import type { Evidence, IssueOrder, VerifyOrder } from '../../src/core/target/target.ts'
import { isLiveText, lockedText, ourName } from './accounts.ts'
import type { Account } from './config.ts'
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
}

interface Tried extends Pick<Evidence, 'credential' | 'probe'> {
  readonly because: readonly string[]
}

export async function verifyGone(call: Call, order: VerifyOrder): Promise<Evidence> {
  const account = accountOf(order, order.secret ?? '')
  ourName(order.holder)
  const trying = tryPath(call, order, account)
  try {
    // Once a creation under way is over: the lists, the path meanwhile, and the lists again.
    const looks = await call.use(async sql => {
      await sql(lockedText(order.principal, ''))
      const first = await look(sql, order)
      await trying
      return [first, await look(sql, order)]
    })
    return gather(looks, await trying, call)
  } catch (thrown) {
    return gather([], await trying, call, explain(thrown).detail)
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
  return { isListed: listed.length > 0, sessions: sessions.length, residue }
}

/** Never rejects. */
async function tryPath(call: Call, order: VerifyOrder, account: Account): Promise<Tried> {
  const untried: Reply = { says: 'unclear' }
  const [credential, probe] = await Promise.all([
    order.secret === null ? untried : call.signIn(account),
    call.signIn(call.config.probe),
  ])
  const isProof = order.acceptedPath === pathTo(call.config)
  const because: string[] = []
  if (order.secret === null) because.push('The credential can not be made again to be tried.')
  else if (credential.says === 'unclear')
    because.push(`The credential could not be tried (${credential.because}).`)
  else if (credential.says === 'refused' && !isProof)
    because.push('The credential is refused, on a path that never accepted it.')
  if (probe.says !== 'accepted')
    because.push(`The probe account was not let in (${probe.because}).`)
  const isTold = credential.says === 'accepted' || (credential.says === 'refused' && isProof)
  return {
    credential: isTold ? credential.says : 'not-tried',
    probe: probe.says === 'unclear' ? 'not-tried' : probe.says,
    because,
  }
}

function gather(looks: readonly Look[], tried: Tried, { clock }: Call, trouble?: string): Evidence {
  const because = [...(trouble === undefined ? [] : [trouble]), ...tried.because]
  const isListed = looks.some(each => each.isListed)
  return {
    listed: looks.length === 0 ? 'unknown' : isListed ? 'present' : 'absent',
    credential: tried.credential,
    probe: tried.probe,
    sessions: looks.length === 0 ? null : Math.max(...looks.map(each => each.sessions)),
    residue: [...new Set(looks.flatMap(each => each.residue))],
    paths,
    because: because.length === 0 ? undefined : because.join(' '),
    at: clock.now(),
  }
}
