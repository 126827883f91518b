/**
 * Users of Redis: the holder of a grant's rules, the leases under it, their holds and their ends.
 *
 * Redis has no roles. A holder is a user nobody can sign in as, with the rules of its grant; each lease
 * has the same rules and a mark that names its holder, by which narrowing a grant finds them.
 * INVARIANT: the server refuses a command that arrives late, see `withLock`.
 */
import { Problem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import type {
  EndOrder,
  HolderEvidence,
  HolderOrder,
  Issued,
  IssueOrder,
} from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import { type Ask, bounds, type Call, explain, pathTo, whenSettled, withLock } from './links.ts'
import { markRule, parseUser, rulesOf, secretRule, type User } from './rules.ts'

/** All users; the list is the server's own, whole: it has no other. */
export async function listUsers(ask: Ask): Promise<User[]> {
  const lines = await ask('ACL', 'LIST')
  return Array.isArray(lines) ? lines.map(line => parseUser(String(line))) : []
}

export async function ensureHolder(call: Call, order: HolderOrder): Promise<void> {
  const rules = rulesOf(order)
  const [holder, owner] = [ourName(order.holder), ourName(order.owner)]
  const [agreed, done] = [markRule(rules.join(' ')), markRule('done')]
  await call.use(async ask => {
    const before = await readHashes(ask, holder)
    const isThere = before?.includes(agreed) === true && before.includes(done)
    if (isThere && (await readHashes(ask, owner)) !== undefined) return
    await withLock(call, ask, { name: holder }, async () => {
      // 1. From now on nothing is issued under other rules.
      await ask('ACL', 'SETUSER', holder, 'reset', agreed, ...rules)
      await ask('ACL', 'SETUSER', owner, 'reset')
      // 2. What was issued before is narrowed, with its sessions and for good; then it is known to be.
      const mark = markRule(holder)
      const leases = (await listUsers(ask)).filter(({ hashes }) => hashes.includes(mark))
      for (const { name } of leases) await change(call, name, rules)
      if (leases.length > 0) await forget(ask)
      await ask('ACL', 'SETUSER', holder, done)
    })
  })
}

export async function removeHolder(call: Call, holder: string): Promise<void> {
  const name = ourName(holder)
  await call.use(async ask => {
    await ask('ACL', 'DELUSER', name)
    await forget(ask)
  })
}

export async function verifyHolderGone(call: Call, holder: string): Promise<HolderEvidence> {
  const mark = markRule(ourName(holder))
  const at = call.clock.now()
  try {
    return await call.use(async ask => {
      const users = await listUsers(ask)
      const isThere = users.some(({ name }) => name === holder)
      const kept = isThere ? undefined : await tryForget(ask)
      const used = users
        .filter(({ hashes }) => hashes.includes(mark))
        .map(({ name }) => `used by ${name}`)
      const residue = isThere ? [] : [...used.slice(0, bounds.named), ...(kept ?? [])]
      return { listed: isThere ? 'present' : 'absent', residue, at }
    })
  } catch (thrown) {
    return { listed: 'unknown', residue: [], because: explain(thrown).detail, at }
  }
}

export async function issue(call: Call, order: IssueOrder): Promise<Issued> {
  const rules = rulesOf(order)
  const [name, holder] = [ourName(order.principal), ourName(order.holder)]
  const [hash, agreed] = [secretRule(order.secret), markRule(rules.join(' '))]
  await call.use(ask =>
    withLock(call, ask, { name, deadline: order.deadline }, async commit => {
      const user = (await listUsers(ask)).find(each => each.name === name)
      if (user !== undefined && !(user.isOn && user.hashes.includes(hash)))
        throw refused('A user of this name is there, stopped or changed; it is not brought back.')
      if ((await readHashes(ask, holder))?.includes(agreed) !== true) throw refused(noGrant)
      const login = ['ACL', 'SETUSER', name, 'reset', 'on', hash, markRule(holder), ...rules]
      const [, now] = await commit(login, ['ACL', 'GETUSER', holder])
      if (hashesIn(now)?.includes(agreed) === true) return
      // It was narrowed in between, and this lease was not there yet to be found.
      await ask('ACL', 'DELUSER', name)
      throw refused(noGrant)
    }),
  )
  return confirm(call, order)
}

/** Redis lets no user die by itself, so there is nothing to move: it must be there, and take its key. */
export async function renew(call: Call, order: IssueOrder): Promise<Issued> {
  ourName(order.principal)
  return confirm(call, order)
}

/** The credential is tried once where it will be used: what is refused later was accepted here. */
async function confirm(call: Call, { principal, secret }: IssueOrder): Promise<Issued> {
  const { host, port } = call.config
  const reply = await call.signIn({ user: principal, password: secret })
  if (reply.says === 'refused')
    throw refused('Redis refuses the credential: it was ended, stopped or changed there.')
  if (reply.says === 'unclear')
    throw new Problem('target-unavailable', {
      detail: 'Redis did not let the credential be tried.',
      next: 'Try again; what was begun there is looked at and cleaned up.',
      log: reply.because,
    })
  const connect = { host, port, user: principal }
  return { acceptedPath: pathTo(call.config), diesAt: null, connect }
}

export async function hold(call: Call, principal: string): Promise<void> {
  await change(call, ourName(principal), ['off'])
  await call.use(ask => forget(ask))
}

export async function release(call: Call, principal: string): Promise<void> {
  if (!(await change(call, ourName(principal), ['on'])))
    throw refused('The user is not there any more.')
}

/** False where there is none: `SETUSER` would make one. With `off` its sessions end. */
async function change(call: Call, name: string, rules: readonly string[]): Promise<boolean> {
  return call.use(ask =>
    withLock(call, ask, { name }, async commit => {
      if ((await readHashes(ask, name)) === undefined) return false
      const cut = rules.includes('off') ? [['CLIENT', 'KILL', 'USER', name]] : []
      await commit(['ACL', 'SETUSER', name, ...rules], ...cut)
      return true
    }),
  )
}

type Ending = Pick<EndOrder, 'principal' | 'deadline'>

/** Throws where the user may come back at a restart. */
export async function end(call: Call, { principal, deadline }: Ending): Promise<void> {
  const name = ourName(principal)
  await call.use(async ask => {
    // 1. Gone with its sessions, at once and whoever holds the lock.
    await ask('ACL', 'DELUSER', name)
    // 2. The same once whoever was making it is over.
    const gone = ['ACL', 'DELUSER', name]
    await whenSettled(call, ask, { name, deadline }, commit => commit(gone))
    // 3. Out of the server's files, where somebody or another end of ours had it written.
    await forget(ask)
  })
}

/**
 * Has the server write its users as they are now, where it keeps them: into the file for them, else into
 * its configuration, else nowhere. There is no way to read these: writing them is how to know.
 */
export async function tryForget(ask: Ask): Promise<string[] | undefined> {
  for (const [words, nowhere] of [
    [['ACL', 'SAVE'], /not configured to use an ACL file/],
    [['CONFIG', 'REWRITE'], /running without a config file/],
  ] as const) {
    const thrown: unknown = await ask(...words).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (thrown === undefined) return undefined
    if (!(thrown instanceof Error && nowhere.test(thrown.message)))
      return [`it may come back at a restart: ${words.join(' ')} was refused`]
  }
  return undefined
}

async function forget(ask: Ask): Promise<void> {
  const kept = await tryForget(ask)
  if (kept !== undefined)
    throw refused(`Redis could not write down that the user is gone: ${kept[0]}.`)
}

/**
 * Of the user we sign in as. Where the server can not write it down, it is put back: the one before would
 * come back at a restart, when nobody has it any more.
 */
export async function setOwnPassword(call: Call, password: string): Promise<void> {
  const set = (ask: Ask, to: string) =>
    ask('ACL', 'SETUSER', call.config.user, 'resetpass', secretRule(to))
  await call.use(async ask => {
    await set(ask, password)
    await forget(ask).catch(async (thrown: unknown) => {
      await set(ask, call.config.password)
      throw thrown
    })
  })
}

async function readHashes(ask: Ask, name: string): Promise<string[] | undefined> {
  return hashesIn(await ask('ACL', 'GETUSER', name))
}

/** A reply of `ACL GETUSER`: names and values in turn; nothing where there is no such user. */
function hashesIn(reply: unknown): string[] | undefined {
  if (!Array.isArray(reply)) return undefined
  const hashes: unknown = reply[reply.indexOf('passwords') + 1]
  return Array.isArray(hashes) ? hashes.map(hash => `#${String(hash)}`) : []
}

const noGrant = "The user with the grant's rules is not there, or has others by now."

function refused(detail: string): Problem {
  return new Problem('target-refused', {
    detail,
    next: `Ask for a new lease; what is there of ${product.name} is cleaned up.`,
  })
}
