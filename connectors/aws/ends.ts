/**
 * The list of sessions that are over. AWS ends none before its time, so a policy of the role denies them
 * everything, by their names. Each such policy is written once and never changed, since IAM has no way to
 * change what is there and lose nothing that another server of ours just wrote; it goes when none of its
 * sessions could live any more. Where there is no room left, all sessions of the role are over at once.
 */
import { sha256Hex } from '../../src/core/base/hash.ts'
import { product } from '../../src/core/base/product.ts'
import { addSeconds, type Instant, toSeconds } from '../../src/core/base/time.ts'
import type { Account } from './account.ts'
import * as holder from './holder.ts'
import { endedIn, endedPolicy, lifeSeconds } from './policy.ts'
import { isCode } from './trouble.ts'

const bounds = {
  /** AWS's clock may differ from ours. */
  marginSeconds: 600,
  /** One write, for all who wait for it. */
  writeMs: 10_000,
  /** Another of our servers may be writing the same, and be slower. */
  aheadSeconds: 15,
  /** Policies whose names are remembered, of all roles. */
  known: 10_000,
}
type Role = holder.Role
/** Names, with the deadlines of their making. */
type Ending = ReadonlyMap<string, Instant>

/** Nothing that was begun before this deadline lives any more, whoever ended it. */
export function deadAt(deadline: Instant): Instant {
  return addSeconds(deadline, lifeSeconds + bounds.marginSeconds)
}

export type Ends = ReturnType<typeof openEnds>

export function openEnds(account: Account) {
  const book: Book = { account, known: new Map() }
  const waiting = new Map<string, Batch>()
  const writing = new Map<string, Promise<void>>()

  function begin(role: Role): Batch {
    const ending = new Map<string, Instant>()
    const done = (writing.get(role.id) ?? Promise.resolve()).then(() => {
      waiting.delete(role.id)
      return write(book, role, ending)
    })
    const over = () => void (writing.get(role.id) === settled && writing.delete(role.id))
    const settled: Promise<void> = done.catch(() => {}).then(over)
    writing.set(role.id, settled)
    const batch = { ending, done }
    waiting.set(role.id, batch)
    return batch
  }

  return {
    /** All that come while a write is under way are the next one. */
    end(role: Role, principal: string, deadline: Instant): Promise<void> {
      const batch = waiting.get(role.id) ?? begin(role)
      batch.ending.set(principal, deadline)
      return batch.done
    },
    /** Read now: whether something there ends this session. */
    isOver: (role: Role, principal: string, deadline: Instant, signal: AbortSignal) =>
      isOver(book, role, { principal, deadline }, signal),
  }
}

interface Book {
  readonly account: Account
  /** By role and name of the policy: it never means anything else. */
  readonly known: Map<string, readonly string[]>
}
interface Batch {
  readonly ending: Map<string, Instant>
  readonly done: Promise<void>
}

async function write(book: Book, role: Role, ending: Ending): Promise<void> {
  const { account, known } = book
  const signal = AbortSignal.timeout(bounds.writeMs)
  const names = await readNames(book, role, signal)
  const isThere = (one: string) => names.some(name => known.get(keyOf(role, name))?.includes(one))
  const left = [...ending.keys()].filter(each => !isThere(each)).sort()
  if (left.length === 0) return
  const last = [...ending.values()].sort().at(-1) ?? account.clock.now()
  const hash = sha256Hex(left.join()).slice(0, 12)
  const name = `${product.targetPrefix}-ended-${toSeconds(deadAt(last))}-${hash}`
  /** Whether there was room. */
  const put = async () => {
    try {
      const one = { name, document: endedPolicy(role.id, left) }
      await holder.putPolicy(account, role, one, signal)
    } catch (thrown) {
      if (isCode(thrown, 'LimitExceeded')) return false
      throw thrown
    }
    known.set(keyOf(role, name), left)
    return true
  }
  const isDone = await put()
  const old = names.filter(each => Number(each.split('-')[2]) < toSeconds(account.clock.now()))
  for (const each of old) await holder.deletePolicy(account, role, each, signal)
  if (isDone || (old.length > 0 && (await put()))) return
  await endAll(book, role, last, signal)
}

/** INVARIANT: it only ever says later: what was over stays over. */
async function endAll({ account }: Book, role: Role, last: Instant, signal: AbortSignal) {
  const soon = addSeconds(account.clock.now(), bounds.aheadSeconds)
  const before = await holder.readBefore(account, role, signal)
  const latest = [soon, addSeconds(last, 1), before ?? soon].sort().at(-1) ?? soon
  await holder.putBefore(account, role, latest, signal)
}

async function isOver(
  book: Book,
  role: Role,
  { principal, deadline }: { readonly principal: string; readonly deadline: Instant },
  signal: AbortSignal,
): Promise<boolean> {
  const { account, known } = book
  const before = await holder.readBefore(account, role, signal)
  if (before !== undefined && before > deadline) return true
  for (const name of await readNames(book, role, signal)) {
    const key = keyOf(role, name)
    if (known.get(key)?.includes(principal) === false) continue
    const document = await holder.readPolicy(account, role, name, signal)
    const ended = document === undefined ? undefined : endedIn(role.id, document)
    // What others changed ends nothing: it is written again.
    if (ended === undefined) known.delete(key)
    else known.set(key, ended)
    if (ended?.includes(principal)) return true
  }
  return false
}

/** What of a role ends sessions by name; what is there no more is forgotten. */
async function readNames({ account, known }: Book, role: Role, signal: AbortSignal) {
  const names = (await holder.listPolicies(account, role, signal)).filter(holder.isEndName)
  if (known.size > bounds.known) known.clear()
  const keys = new Set(names.map(name => keyOf(role, name)))
  for (const key of known.keys())
    if (key.startsWith(keyOf(role, '')) && !keys.has(key)) known.delete(key)
  return names
}

const keyOf = (role: Role, name: string) => `${role.id} ${name}`
