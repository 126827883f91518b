/** What is particular to Redis in the life of a lease, on a real server. */
import { chmod } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { isProblem, type Problem } from '../../src/core/base/problem.ts'
import { addMs, addSeconds, systemClock, toMs, toSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { Found, IssueOrder, Target } from '../../src/core/target/target.ts'
import { redis } from '../../test/fakes/redis.ts'
import {
  leaseOrder,
  type SalesRedis,
  signInAs,
  startSalesRedis,
} from '../../test/support/sales-redis.ts'
import { lockKey } from './links.ts'
import { redisConnector } from './redis.ts'
import { markRule } from './rules.ts'

const soon = () => AbortSignal.timeout(15_000)

describe.runIf(redis.isHere)(redis.name, () => {
  let sales: SalesRedis
  let target: Target

  beforeAll(async () => {
    sales = await startSalesRedis()
    target = open(sales)
  })
  afterAll(() => sales?.stop())

  const issueNew = (change: Partial<IssueOrder> = {}) => issueAt(sales, target, change)
  const look = (lease: Lease) => target.verifyGone(lease, soon())
  const signIn = ({ principal, secret }: Lease) => signInAs(sales.server, principal, secret)

  describe('what a lease may', () => {
    const all = { actions: ['read', 'write', 'destroy'] as const }

    test('is never a command that is dangerous, administers, or runs scripts', async () => {
      const { principal } = await issueNew(all)
      let seen = 0
      for (const category of ['dangerous', 'admin', 'scripting']) {
        for (const command of (await sales.ask('ACL', 'CAT', category)) as string[]) {
          const words = [...command.split('|'), 'crm:deals:1', 'crm:deals:1', '1']
          const says = await sales.ask('ACL', 'DRYRUN', principal, ...words).catch(String)
          const isRefused = /no permissions|wrong number of arguments/i.test(String(says))
          if (!isRefused) throw new Error(`a lease may ${command}: ${String(says)}`)
          seen++
        }
      }
      expect(seen).toBeGreaterThan(80)
    })

    test('is never to see which keys there are', async () => {
      const session = await signIn(await issueNew(all))
      for (const words of ['SCAN 0', 'KEYS *', 'RANDOMKEY', 'DBSIZE', 'SELECT 1', 'FLUSHALL'])
        await expect(session.ask(...words.split(' '))).rejects.toThrow(/NOPERM/)
      for (const words of [
        'GET other:1',
        'SET other:1 x',
        'DEL other:1',
        'COPY crm:deals:1 other:2',
      ])
        await expect(session.ask(...words.split(' '))).rejects.toThrow(/NOPERM/)
      for (const words of ['GET lh:lock:x', 'SET lh:lock:x 1', 'ACL LIST', 'CONFIG GET *'])
        await expect(session.ask(...words.split(' '))).rejects.toThrow(/NOPERM/)
      await session.close()
    })

    test.each([
      [['read'], 'GET crm:deals:1', 'SET crm:deals:1 x'],
      [['read'], 'HGETALL crm:notes2:1', 'EXPIRE crm:deals:1 1'],
      [['write'], 'SET crm:deals:2 x', 'GET crm:deals:1'],
      [['write'], 'APPEND crm:deals:2 x', 'DEL crm:deals:2'],
      [['read', 'write'], 'INCR crm:deals:n', 'GETDEL crm:deals:n'],
      [['read', 'write'], 'SADD crm:deals:s x', 'SPOP crm:deals:s'],
      [['destroy'], 'DEL crm:deals:n', 'SET crm:deals:n 1'],
      [['read'], 'SUBSCRIBE crm:news:a', 'PUBLISH crm:news:a x'],
      [['write'], 'PUBLISH crm:news:a x', 'PUBLISH other x'],
    ] as const)('%j is %s and not %s', async (actions, allowed, refused) => {
      const keys = ['crm:deals:*', 'crm:notes2:*']
      const object = { keys, channels: ['crm:news:*'] }
      const lease = await issueNew({ actions, object })
      const may = (words: string) =>
        sales.ask('ACL', 'DRYRUN', lease.principal, ...words.split(' '))
      expect(await may(allowed)).toBe('OK')
      expect(await may(refused).catch(String)).toMatch(/no permissions/)
      const session = await signIn(lease)
      await expect(session.ask(...refused.split(' '))).rejects.toThrow(/NOPERM/)
      await session.close()
    })
  })

  describe('a command that comes late', () => {
    test('is refused by the server when its sender is dead and its deadline over', async () => {
      const delay = await startDelay(sales.server.port)
      const behind = open(sales, { port: delay.port })
      const asked = leaseOrder(sales)
      await behind.ensureHolder(asked, soon())
      const order = { ...asked, deadline: addMs(systemClock.now(), 1_500) }
      delay.holdBack('MULTI')
      const sender = new AbortController()
      const sent = behind.issue(order, sender.signal).catch(() => 'broken off')
      await delay.heldBack
      sender.abort()
      expect(await sent).toBe('broken off')
      await wait(Math.max(0, toMs(order.deadline) - Date.now()) + 50)
      // Recovery looks, and then the command arrives whole.
      expect((await target.verifyGone({ ...order, acceptedPath: null }, soon())).listed).toBe(
        'absent',
      )
      await delay.letGo()
      expect(await sales.ask('ACL', 'GETUSER', order.principal)).toBeNull()
      delay.stop()
    })

    test('is refused by the server’s clock alone, with its sender alive', async () => {
      const delay = await startDelay(sales.server.port)
      const behind = open(sales, { port: delay.port })
      const asked = leaseOrder(sales)
      await behind.ensureHolder(asked, soon())
      const order = { ...asked, deadline: addMs(systemClock.now(), 1_500) }
      delay.holdBack('MULTI')
      const sent = problemOf(behind.issue(order, soon()))
      await delay.heldBack
      await wait(Math.max(0, toMs(order.deadline) - Date.now()) + 50)
      await delay.letGo()
      expect((await sent).detail).toContain('deadline')
      expect(await sales.ask('ACL', 'GETUSER', order.principal)).toBeNull()
      delay.stop()
    })

    test('is made where it is not late', async () => {
      const delay = await startDelay(sales.server.port)
      const behind = open(sales, { port: delay.port })
      const order = leaseOrder(sales)
      await behind.ensureHolder(order, soon())
      delay.holdBack('MULTI')
      const sent = behind.issue(order, soon())
      await delay.heldBack
      await delay.letGo()
      expect((await sent).diesAt).toBeNull()
      expect(await sales.ask('EXISTS', lockKey(order.principal))).toBe(0)
      delay.stop()
    })
  })

  describe('its secret', () => {
    test('is never sent, but to sign in', async () => {
      const seen = await watch(sales)
      const lease = await issueNew()
      await target.renew(lease, soon())
      await target.end(lease, soon())
      await look(lease)
      const text = await seen.stop()
      expect(text).toContain(lease.principal)
      expect(text).not.toContain(lease.secret)
      expect(text).not.toContain(sales.config.password)
    })

    test('is the only way in: a mark opens nothing', async () => {
      const { principal, holder } = await issueNew()
      const mark = markRule(holder)
      for (const guess of [mark, mark.slice(1), holder, `lh mark ${holder}`])
        await expect(signInAs(sales.server, principal, guess)).rejects.toThrow(/WRONGPASS/)
      for (const guess of [mark.slice(1), '', 'done'])
        await expect(signInAs(sales.server, holder, guess)).rejects.toThrow(/WRONGPASS/)
    })

    test('is found where somebody gave it to another user', async () => {
      const lease = await issueNew()
      await sales.ask('ACL', 'SETUSER', 'squatter', 'on', `>${lease.secret}`)
      await target.end(lease, soon())
      const evidence = await look(lease)
      expect(evidence.residue).toEqual(['the same key opens squatter'])
      expect(judge(evidence)).toBe('still-there')
      await sales.ask('ACL', 'DELUSER', 'squatter')
      expect(judge(await look(lease))).toBe('verified-gone')
    })
  })

  test('a renewal changes nothing at the server, also long after the deadline', async () => {
    const lease = await issueNew()
    const before = await sales.ask('ACL', 'GETUSER', lease.principal)
    const deadline = addSeconds(systemClock.now(), -60)
    const { acceptedPath, diesAt } = await target.renew({ ...lease, deadline }, soon())
    expect({ acceptedPath, diesAt }).toEqual({ acceptedPath: lease.acceptedPath, diesAt: null })
    expect(await sales.ask('ACL', 'GETUSER', lease.principal)).toEqual(before)
    await target.hold(lease.principal, soon())
    expect((await problemOf(target.renew(lease, soon()))).code).toBe('target-refused')
  })

  test('after a grant is narrowed nothing is issued as it was before', async () => {
    const lease = await issueNew({ actions: ['read', 'write'] })
    await target.ensureHolder({ ...lease, actions: ['read'] }, soon())
    const session = await signIn(lease)
    await expect(session.ask('SET', 'crm:deals:1', 'x')).rejects.toThrow(/NOPERM/)
    await session.close()
    const again = { ...lease, principal: `${lease.principal}_b` }
    expect((await problemOf(target.issue(again, soon()))).code).toBe('target-refused')
    expect(await sales.ask('ACL', 'GETUSER', again.principal)).toBeNull()
  })

  test('nor is what was under way when it was narrowed', async () => {
    const delay = await startDelay(sales.server.port)
    const order = leaseOrder(sales, { actions: ['read', 'write'] })
    await target.ensureHolder(order, soon())
    delay.holdBack('MULTI')
    const sent = problemOf(open(sales, { port: delay.port }).issue(order, soon()))
    await delay.heldBack
    await target.ensureHolder({ ...order, actions: ['read'] }, soon())
    await delay.letGo()
    expect((await sent).code).toBe('target-refused')
    expect(await sales.ask('ACL', 'GETUSER', order.principal)).toBeNull()
    delay.stop()
  })

  test('who holds its lock keeps nothing alive', async () => {
    const lease = await issueNew()
    const session = await signIn(lease)
    await sales.ask('SET', lockKey(lease.principal), 'mine')
    const brief = () => AbortSignal.timeout(500)
    expect((await problemOf(target.end(lease, brief()))).code).toBe('target-unavailable')
    await expect(session.ask('PING')).rejects.toThrow(/./)
    expect(judge(await target.verifyGone(lease, brief()))).toBe('unreachable')
    await sales.ask('DEL', lockKey(lease.principal))
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test.each([
    ['has no memory', 'maxmemory', '1', '0'],
    ['misses a replica', 'min-replicas-to-write', '1', '0'],
  ])('a server that %s issues nothing, and still ends', async (_, setting, on, off) => {
    const deadline = addMs(systemClock.now(), 3_000)
    const lease = await issueNew({ deadline })
    const session = await signIn(lease)
    await sales.ask('CONFIG', 'SET', setting, on)
    try {
      const again = { ...lease, principal: `${lease.principal}_b` }
      expect((await problemOf(target.issue(again, soon()))).code).toBe('target-unavailable')
      // Somebody could be making it still.
      expect(judge(await look(lease))).toBe('still-there')
      expect((await problemOf(target.end(lease, soon()))).code).toBe('target-unavailable')
      await expect(session.ask('PING')).rejects.toThrow(/./)
      expect(judge(await look(lease))).toBe('unreachable')
      await wait(Math.max(0, toMs(deadline) - Date.now()) + 1_100)
      await target.end(lease, soon())
      expect(judge(await look(lease))).toBe('verified-gone')
    } finally {
      await sales.ask('CONFIG', 'SET', setting, off)
    }
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test('everything else is listed too, page by page, and nothing twice', async () => {
    const names = Array.from({ length: 230 }, (_, i) => `u${i}`)
    for (const name of names) await sales.ask('ACL', 'SETUSER', name, 'on', '>x', '~*', '+@all')
    const found: Found[] = []
    for (let cursor: string | null = null; ; ) {
      const page = await target.inventory(cursor, soon())
      found.push(...page.found)
      cursor = page.next
      if (cursor === null) break
    }
    expect(new Set(found.map(each => each.id)).size).toBe(found.length)
    for (const name of [...names, 'default'])
      expect(found.find(each => each.name === name)).toMatchObject({
        kind: 'account',
        ours: false,
        details: { canSignIn: true, mayEverything: true },
      })
    expect(JSON.stringify(found)).not.toMatch(/[0-9a-f]{64}/)
    for (const name of names) await sales.ask('ACL', 'DELUSER', name)
  })

  describe('the canary', () => {
    const last = async (change = {}) => (await open(sales, change).preflight(soon())).steps.at(-1)
    const setOwn = (...rules: string[]) => sales.ask('ACL', 'SETUSER', 'leasehold', ...rules)

    test('leaves nothing, and takes away what a crash left', async () => {
      const now = systemClock.now()
      const name = (age: number) => `canary_${toSeconds(addSeconds(now, -age))}_00ff`
      for (const user of [`lh_${name(4000)}`, `lhg_${name(4000)}`, `lh_${name(5)}`])
        await sales.ask('ACL', 'SETUSER', user)
      expect(await last()).toEqual({ name: 'rights holder gone', ok: true })
      const users = (await sales.ask('ACL', 'USERS')) as string[]
      expect(users.filter(each => each.includes('canary'))).toEqual([`lh_${name(5)}`])
    })

    test.each([
      ['acl|list', 'canaries of before are gone'],
      ['acl|setuser', 'made'],
      ['acl|deluser', 'ended with its session open'],
      ['acl|save', 'ended with its session open'],
      ['client|list', 'refused and gone'],
      ['watch', 'made'],
    ])('stops where %s is missing', async (command, name) => {
      await setOwn(`-${command}`)
      const step = await last()
      await setOwn(`+${command}`)
      expect(step).toMatchObject({ name, ok: false })
      expect(step?.detail).toBeTruthy()
    })

    test('refuses a server that lets everybody in', async () => {
      const [line] = (await sales.ask('ACL', 'LIST')) as string[]
      await sales.ask('ACL', 'SETUSER', 'default', 'nopass')
      const step = await last()
      const hash = (line ?? '').split(' ').find(word => word.startsWith('#')) ?? ''
      await sales.ask('ACL', 'SETUSER', 'default', 'resetpass', hash)
      expect(step).toMatchObject({ name: 'closed to who has no password', ok: false })
      expect(await last()).toMatchObject({ ok: true })
    })

    test('refuses a replica, a wrong password of its own, and believes no dead path', async () => {
      await sales.ask('REPLICAOF', '127.0.0.1', '1')
      const replica = await last()
      await sales.ask('REPLICAOF', 'NO', 'ONE')
      expect(replica?.detail).toContain('replica')
      const own = await last({ password: 'not this one' })
      expect(own?.detail).toContain("refuses the connector's own user")
      expect(JSON.stringify(own)).not.toContain('not this one')
      const probe = await last({ probe: { user: 'leasehold_probe', password: 'not this one' } })
      expect(probe).toMatchObject({ name: 'refused and gone', ok: false })
      expect(probe?.detail).toMatch(/revoked-unverified.*probe user/)
    })
  })
})

describe.runIf(redis.isHere)(`${redis.name}, restarted`, () => {
  const started: SalesRedis[] = []
  afterEach(async () => {
    for (const sales of started.splice(0)) await sales.stop()
  })

  test.each(['aclfile', 'config', 'nothing'] as const)(
    'what ended does not come back where users are kept in: %s',
    async keeps => {
      const sales = await startSalesRedis(keeps)
      started.push(sales)
      const target = open(sales)
      const lease = await issueAt(sales, target)
      const held = await issueAt(sales, target)
      const narrowed = await issueAt(sales, target, { actions: ['read', 'write'] })
      // Somebody has the server write its users down while the leases are live.
      if (keeps === 'aclfile') await sales.ask('ACL', 'SAVE')
      if (keeps === 'config') await sales.ask('CONFIG', 'REWRITE')
      if (keeps !== 'nothing') expect(await sales.server.readFile()).toContain(lease.principal)
      await target.hold(held.principal, soon())
      await target.ensureHolder({ ...narrowed, actions: ['read'] }, soon())
      await target.end(lease, soon())
      expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
      if (keeps !== 'nothing') expect(await sales.server.readFile()).not.toContain(lease.principal)
      await sales.server.restart()
      expect(await sales.ask('ACL', 'GETUSER', lease.principal)).toBeNull()
      await expect(signInAs(sales.server, held.principal, held.secret)).rejects.toThrow(/WRONGPASS/)
      const may = ['ACL', 'DRYRUN', narrowed.principal, 'SET', 'crm:deals:1', 'x']
      expect(await sales.ask(...may).catch(String)).toMatch(/no permissions|not found/)
      if (keeps !== 'nothing')
        expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
    },
  )

  test('what could not be written down is residue, since it does come back', async () => {
    const sales = await startSalesRedis('aclfile')
    started.push(sales)
    const target = open(sales)
    const lease = await issueAt(sales, target)
    await sales.ask('ACL', 'SAVE')
    await chmod(sales.server.dataDir, 0o500)
    expect((await problemOf(target.end(lease, soon()))).detail).toContain('restart')
    const evidence = await target.verifyGone(lease, soon())
    expect(evidence).toMatchObject({ listed: 'absent', credential: 'refused', sessions: 0 })
    expect(evidence.residue).toEqual(['it may come back at a restart: ACL SAVE was refused'])
    expect(judge(evidence)).toBe('still-there')
    await sales.server.restart()
    await (await signInAs(sales.server, lease.principal, lease.secret)).close()
    expect(judge(await target.verifyGone(lease, soon()))).toBe('still-there')
    await chmod(sales.server.dataDir, 0o700)
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
    await sales.server.restart()
    expect(await sales.ask('ACL', 'GETUSER', lease.principal)).toBeNull()
  })
})

function open(sales: SalesRedis, change = {}): Target {
  return redisConnector.open(
    redisConnector.parseConfig({ ...sales.config, ...change }),
    systemClock,
  )
}

async function issueAt(sales: SalesRedis, target: Target, change: Partial<IssueOrder> = {}) {
  const order = leaseOrder(sales, change)
  await target.ensureHolder(order, soon())
  const { acceptedPath } = await target.issue(order, soon())
  return { ...order, acceptedPath }
}
type Lease = Awaited<ReturnType<typeof issueAt>>

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isProblem(thrown)) throw new Error(`not a Problem: ${String(thrown)}`)
  return thrown
}

/** A slow network: from a word on, what comes is held back, and arrives though its sender is gone. */
async function startDelay(port: number) {
  let word: string | undefined
  let arrive: () => Promise<void> = async () => {}
  const { promise: heldBack, resolve: tell } = Promise.withResolvers<void>()
  const server = createServer({ allowHalfOpen: true }, client => {
    const upstream = connect(port, '127.0.0.1')
    let kept: Buffer[] | undefined
    upstream.on('error', () => {}).on('data', data => client.writable && client.write(data))
    client
      .on('error', () => {})
      .on('data', data => {
        if (kept === undefined && word !== undefined && data.includes(word)) {
          kept = []
          const held = kept
          arrive = async () => {
            upstream.write(Buffer.concat(held))
            kept = undefined
            await wait(100)
          }
          tell()
        }
        if (kept === undefined) upstream.write(data)
        else kept.push(Buffer.from(data))
      })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    heldBack,
    holdBack(from: string) {
      word = from
    },
    letGo() {
      word = undefined
      return arrive()
    },
    stop: () => server.close(),
  }
}

/** Every command the server runs, as it tells them to who may see that. */
async function watch(sales: SalesRedis) {
  const rules = ['reset', 'on', '>watching', '+monitor']
  await sales.ask('ACL', 'SETUSER', 'watcher', ...rules)
  const socket = connect(sales.server.port, '127.0.0.1')
  let text = ''
  socket
    .on('error', () => {})
    .on('data', data => {
      text += data.toString('latin1')
    })
  socket.write('AUTH watcher watching\r\nMONITOR\r\n')
  while (!text.includes('+OK\r\n+OK')) await wait(5)
  return {
    async stop() {
      await wait(50)
      socket.destroy()
      await sales.ask('ACL', 'DELUSER', 'watcher')
      return text
    },
  }
}
