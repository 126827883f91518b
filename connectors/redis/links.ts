/**
 * Sessions at one server, one for each call; sign-ins that only try a credential; and the lock on a
 * name. Knows nothing of leases.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { limits } from '../../src/core/base/limits.ts'
import { assert, isProblem, Problem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import { type Clock, type Instant, toMs } from '../../src/core/base/time.ts'
import { ourName } from '../rest/names.ts'
import type { Account } from '../rest/server.ts'
import type { RedisConfig } from './config.ts'

export const bounds = {
  /** Reaching a target. */
  targetConnectMs: 5_000,
  /** A lock is given up by itself after this long where no deadline says so. */
  lockMs: 5_000,
  lockPollMs: 10,
  /** Calls under way at once: for issuing, and again for ending. Each has a session there. */
  callsAtOnce: 8,
  /** Things that evidence and lists name one by one. */
  named: 50,
} as const

/** One command; its reply as RESP 2 has it. Those of one turn of the loop go out together. */
export type Ask = (...words: string[]) => Promise<unknown>

/** Whether the path let somebody in. `unclear`: it did not come to an answer about the credential. */
export interface Reply {
  readonly says: 'accepted' | 'refused' | 'unclear'
  readonly because?: string
}

export interface Call {
  readonly config: RedisConfig
  readonly clock: Pick<Clock, 'now'>
  readonly signal: AbortSignal
  /** Throws `Problem` only. */
  use<T>(work: (ask: Ask) => Promise<T>): Promise<T>
  /** `meanwhile` runs with the session open; what it throws is thrown. */
  signIn(who: Account | undefined, meanwhile?: (ask: Ask) => Promise<void>): Promise<Reply>
}

export function openCall(
  config: RedisConfig,
  clock: Pick<Clock, 'now'>,
  within: AbortSignal,
): Call {
  const signal = AbortSignal.any([within, AbortSignal.timeout(limits.targetCallMs)])
  return {
    config,
    clock,
    signal,
    async use(work) {
      try {
        return await withSession(config, config, signal, work)
      } catch (thrown) {
        throw explain(thrown instanceof Unreached ? thrown.cause : thrown)
      }
    },
    async signIn(who, meanwhile = async () => {}) {
      try {
        await withSession(config, who, signal, meanwhile)
        return { says: 'accepted' }
      } catch (thrown) {
        if (!(thrown instanceof Unreached)) throw thrown
        const because = wordOf(thrown.cause)
        return { says: refusing.has(because) ? 'refused' : 'unclear', because }
      }
    },
  }
}

/** As people and evidence name it. */
export function pathTo({ host, port, tls }: RedisConfig): string {
  return `tcp ${host}:${port} acl${tls === false ? '' : ' tls'}`
}

/** The server refused to sign in, or nobody answered; `cause` says which. */
class Unreached extends Error {}

async function withSession<T>(
  { host, port, tls }: RedisConfig,
  who: Account | undefined,
  signal: AbortSignal,
  work: (ask: Ask) => Promise<T>,
): Promise<T> {
  // Loaded when a Redis is first asked: most installations have none.
  const { createClient } = await import('redis')
  if (signal.aborted) throw new Unreached('', { cause: signal.reason })
  const reach = {
    host,
    port,
    connectTimeout: bounds.targetConnectMs,
    reconnectStrategy: false as const,
  }
  const authority = typeof tls === 'object' ? { ca: tls.ca } : {}
  const client = createClient({
    socket: tls === false ? reach : { ...reach, tls: true, ...authority, rejectUnauthorized: true },
    ...(who === undefined ? {} : { username: who.user, password: who.password }),
    RESP: 2,
    disableOfflineQueue: true,
    // They would be asked as the lease, which may not.
    disableClientInfo: true,
    maintNotifications: 'disabled',
  })
  // A stopped server would end our process otherwise.
  client.on('error', () => {})
  const cut = () => {
    if (client.isOpen) client.destroy()
  }
  signal.addEventListener('abort', cut, { once: true })
  try {
    await untilAborted(client.connect(), signal).catch((cause: unknown) => {
      throw new Unreached('', { cause })
    })
    // The first word is part of signing in: without a user, the server says only now whether it minds.
    if (who === undefined)
      await client.sendCommand(['PING']).catch((cause: unknown) => {
        throw new Unreached('', { cause })
      })
    return await untilAborted(
      work((...words) => client.sendCommand(words)),
      signal,
    )
  } finally {
    signal.removeEventListener('abort', cut)
    cut()
  }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort))
}

/**
 * Does `work` while nobody else does anything to this name. What it changes goes through `commit`, once:
 * a transaction that the server itself refuses when the lock is gone, because it is late by the
 * server's clock (the lock is a key that dies at the deadline) or another took it since.
 *
 * ATTACKER: who may write every key can hold a lock; a lease can not, and ending stops before it waits.
 */
export async function withLock<T>(
  call: Pick<Call, 'signal' | 'clock'>,
  ask: Ask,
  { name, deadline }: { name: string; deadline?: Instant },
  work: (commit: Commit) => Promise<T>,
): Promise<T> {
  const key = lockKey(name)
  await takeLock(call, ask, key, deadline)
  let isOver = false
  const commit: Commit = async (...commands) => {
    assert(!isOver, 'a lock is given back by the one transaction it is for')
    isOver = true
    const sent = [['MULTI'], ...commands, ['DEL', key], ['EXEC']].map(words => ask(...words))
    const done = (await Promise.all(sent)).at(-1)
    if (!Array.isArray(done)) throw late()
    const wrong: unknown = done.find(each => each instanceof Error)
    if (wrong !== undefined) throw wrong as Error
    return done as unknown[]
  }
  try {
    return await work(commit)
  } finally {
    // Nothing was changed: it is given back, unless it is somebody else's by now.
    if (!isOver) await commit().catch(() => {})
  }
}

/**
 * The same for ending and looking, which must work where the server takes no writes and so gives no
 * lock: once the deadline is over by its clock, nothing it guards can be made any more.
 */
export async function whenSettled<T>(
  call: Pick<Call, 'signal' | 'clock'>,
  ask: Ask,
  { name, deadline }: { name: string; deadline: Instant },
  work: (commit: Commit) => Promise<T>,
): Promise<T> {
  try {
    return await withLock(call, ask, { name }, work)
  } catch (thrown) {
    if (!takesNoWrites.has(wordOf(thrown))) throw thrown
    const [seconds] = (await ask('TIME')) as string[]
    if (Number(seconds) * 1000 <= toMs(deadline)) throw thrown
    return work((...commands) => Promise.all(commands.map(words => ask(...words))))
  }
}

/** No memory, no replica, no disk. */
const takesNoWrites = new Set(['OOM', 'NOREPLICAS', 'MISCONF'])

/** Commands of one transaction, and their replies. */
export type Commit = (...commands: string[][]) => Promise<unknown[]>

export function lockKey(name: string): string {
  return `${product.targetPrefix}:lock:${ourName(name)}`
}

/** Returns with the key watched: from now on a change of it, its death too, undoes a transaction. */
async function takeLock(
  { signal, clock }: Pick<Call, 'signal' | 'clock'>,
  ask: Ask,
  key: string,
  deadline: Instant | undefined,
): Promise<void> {
  const token = randomBytes(16).toString('hex')
  const dies = deadline === undefined ? ['PX', `${bounds.lockMs}`] : ['PXAT', `${toMs(deadline)}`]
  for (;;) {
    const asked = [ask('SET', key, token, 'NX', ...dies), ask('WATCH', key), ask('GET', key)]
    const holds = (await Promise.all(asked)).at(-1)
    if (holds === token) return
    // What would have died already is never made.
    if (holds === null && deadline !== undefined && deadline <= clock.now()) throw late()
    await ask('UNWATCH')
    await wait(bounds.lockPollMs, null, { signal })
  }
}

function late(): Problem {
  return new Problem('target-refused', {
    detail: 'Redis refused: the deadline of this command had passed.',
    next: 'Try again.',
    log: 'late',
  })
}

const refusing = new Set(['WRONGPASS', 'NOAUTH'])

export function explain(thrown: unknown): Problem {
  if (isProblem(thrown)) return thrown
  const log = wordOf(thrown)
  const passing = /^(LOADING|BUSY|MASTERDOWN|MISCONF|OOM|NOREPLICAS|READONLY|TRYAGAIN)$/
  if (!isAnswer(thrown) || passing.test(log))
    return new Problem('target-unavailable', {
      detail: `Redis did not answer, or broke off (${log}).`,
      next: 'Try again; what was begun there is looked at and cleaned up.',
      log,
    })
  return new Problem('target-refused', {
    detail: refusing.has(log)
      ? "Redis refuses the connector's own user."
      : `Redis refused with the code ${log}.`,
    next: 'Compare its user with the recipe in docs/connectors/redis.md.',
    log,
  })
}

/** The first word of an error of Redis is its code. */
function isAnswer(thrown: unknown): thrown is Error {
  return thrown instanceof Error && /^[A-Z]{2,} /.test(thrown.message)
}

/** Codes like NOPERM or ECONNREFUSED; never a message. */
function wordOf(thrown: unknown): string {
  if (isAnswer(thrown)) return thrown.message.split(' ')[0] ?? ''
  if (!(thrown instanceof Error)) return typeof thrown
  const { code } = thrown as NodeJS.ErrnoException
  return typeof code === 'string' ? code : thrown.name
}
