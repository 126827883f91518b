/**
 * Looking whether a lease is gone: the server's own lists, and the credential itself, tried on the path
 * that once accepted it while a probe user is let in there. Changes nothing but the server's files,
 * which are made to be what is listed: they can not be read.
 */
import { Problem } from '../../src/core/base/problem.ts'
import type { Evidence, IssueOrder, VerifyOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import { type Ask, bounds, type Call, explain, pathTo, type Reply, whenSettled } from './links.ts'
import { secretRule } from './rules.ts'
import { listUsers, tryForget } from './users.ts'

export const paths = ['list of users', 'the key itself'] as const

interface Look {
  readonly isListed: boolean
  readonly sessions: number
  readonly residue: readonly string[]
}

export async function verifyGone(call: Call, order: VerifyOrder): Promise<Evidence> {
  const name = ourName(order.principal)
  ourName(order.holder)
  const account = { user: name, password: order.secret ?? '' }
  const untried: Reply = { says: 'unclear', because: 'it can not be made again' }
  const trying = Promise.all([
    order.secret === null ? untried : call.signIn(account),
    call.signIn(call.config.probe),
  ])
  let looks: Look[] = []
  let trouble: string | undefined
  try {
    // Once a creation under way is over: the lists, the path meanwhile, and the lists again.
    looks = await call.use(async ask => {
      await whenSettled(call, ask, { name, deadline: order.deadline }, async () => {})
      const first = await look(ask, order)
      await trying
      return [first, await look(ask, order)]
    })
  } catch (thrown) {
    trouble = explain(thrown).detail
  }
  const [credential, probe] = await trying
  const isProof = order.acceptedPath === pathTo(call.config)
  const isTold = credential.says === 'accepted' || (credential.says === 'refused' && isProof)
  const because = [
    trouble,
    credential.says === 'unclear' && `The credential was not tried (${credential.because}).`,
    credential.says === 'refused' && !isProof && 'It is refused on a path that never accepted it.',
    probe.says !== 'accepted' && `The probe user was not let in (${probe.because}).`,
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

/** A refusal counts only while the user is live: one that is off refuses everybody. */
export async function checkIntact(call: Call, order: IssueOrder): Promise<boolean> {
  const name = ourName(order.principal)
  const reply = await call.signIn({ user: name, password: order.secret })
  if (reply.says === 'accepted') return true
  const users = await call.use(listUsers)
  const isLive = users.some(user => user.name === name && user.isOn)
  if (reply.says === 'refused' && isLive) return false
  throw new Problem('target-unavailable', {
    detail: 'The user is stopped, or its path gives no answer: its credential can not be compared.',
    next: 'Try again.',
    log: reply.because,
  })
}

async function look(ask: Ask, { principal, secret }: VerifyOrder): Promise<Look> {
  const users = await listUsers(ask)
  const isListed = users.some(({ name }) => name === principal)
  const hash = secret === null ? '' : secretRule(secret)
  const same = users.filter(({ name, hashes }) => name !== principal && hashes.includes(hash))
  const kept = isListed ? undefined : await tryForget(ask)
  return {
    isListed,
    sessions: await countSessions(ask, principal),
    residue: [
      ...same.slice(0, bounds.named).map(({ name }) => `the same key opens ${name}`),
      ...(kept ?? []),
    ],
  }
}

export async function countSessions(ask: Ask, name: string): Promise<number> {
  const lines = String(await ask('CLIENT', 'LIST')).split('\n')
  return lines.filter(line => line.split(' ').includes(`user=${name}`)).length
}
