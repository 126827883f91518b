/**
 * One connection through the gateway: the caller shows the word of its run, the lease signs in behind,
 * and bytes go both ways until one side ends it or it is cut. The credential is never on the caller's
 * side of this file.
 */
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { limits } from '../../src/core/base/limits.ts'
import { isProblem, Problem, type ProblemCode } from '../../src/core/base/problem.ts'
import type { Passage, Passed } from '../../src/core/target/target.ts'
import { bounds } from './bounds.ts'
import type { PostgresConfig } from './config.ts'
import { accountOf } from './issue.ts'
import { letIn, Refusal, readStart } from './let-in.ts'
import { relay } from './relay.ts'
import { openSession, type Session, Told } from './sign-in.ts'
import { fatal, message, Reader } from './wire.ts'

const nothing: Passed = { toTarget: 0, toCaller: 0, rows: null, endedBy: 'us' }

export async function pass(config: PostgresConfig, passage: Passage): Promise<Passed> {
  const { caller, order, word, admit, signal, cancels } = passage
  caller.on('error', () => caller.destroy())
  const says = new Reader(caller)
  const talk = { says, hears: caller }
  const within = (ms: number) => AbortSignal.any([signal, AbortSignal.timeout(ms)])
  try {
    // 1. Who it is, or what it wants stopped: sessions of this lease are all it can name.
    const early = within(bounds.gatewaySignInMs)
    // A driver hears a no only after it has spoken.
    const start = await readStart(talk, AbortSignal.timeout(bounds.gatewaySignInMs))
    if (start.kind === 'cancel') {
      cancels.get(start.key)?.()
      says.release()
      return await goodbye(caller)
    }
    signal.throwIfAborted()
    // 2. The word, and then whether this may be, now. Nothing has reached the target.
    const { user, database } = accountOf(order, '')
    await letIn(talk, start, { user, database, word }, early)
    caller.write(message('R', 0))
    const account = accountOf(order, await admit())
    // 3. Behind: the same, as the lease.
    const late = within(limits.targetCallMs)
    const session = await openSession(config, account, start.settings, late)
    says.release()
    return await join(passage, session)
  } catch (thrown) {
    says.release()
    const endedBy = signal.aborted ? 'us' : 'target'
    return { ...(await goodbye(caller, lastWord(thrown, signal))), endedBy }
  }
}

/** INVARIANT: the key a caller gets is ours; while the session lasts, it stands for the target's. */
async function join(
  { caller, cancels, signal, take }: Passage,
  { greeting, ...session }: Session,
): Promise<Passed> {
  const key = randomBytes(8)
  // A process number is a positive one.
  key.writeInt32BE(key.readInt32BE(0) & 0x7fffffff)
  cancels.set(key.toString('hex'), session.cancel)
  try {
    caller.write(Buffer.concat([...greeting, message('K', key), message('Z', Buffer.from('I'))]))
    return await relay(caller, session, { signal, ...(take && { take }) })
  } finally {
    cancels.delete(key.toString('hex'))
  }
}

const codes: Partial<Record<ProblemCode, string>> = { denied: '28000', 'over-budget': '53400' }

/** What went wrong, as a driver shows it; nothing where nobody speaks this protocol. */
function lastWord(thrown: unknown, { aborted, reason }: AbortSignal): Buffer | undefined {
  const why: unknown = aborted ? reason : thrown
  if (why instanceof Refusal || why instanceof Told) return why.bytes
  if (isProblem(why)) return fatal(codes[why.code] ?? '57P03', why)
  return fatal('08006', unreached)
}

const unreached = new Problem('target-unavailable', {
  detail: 'No session came of this: it took too long, or one side broke off.',
  next: 'Try again; if it happens again: leasehold doctor',
})

function goodbye(caller: Duplex, lastWords?: Buffer): Promise<Passed> {
  return new Promise(resolve => {
    const late = setTimeout(() => caller.destroy(), bounds.lastWordMs)
    const closed = () => {
      clearTimeout(late)
      resolve(nothing)
    }
    if (caller.closed) return closed()
    caller.once('close', closed).resume()
    caller.end(lastWords)
  })
}
