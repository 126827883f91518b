/** What is particular to MariaDB in the life of a lease, on a real server. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isProblem, type Problem } from '../../src/core/base/problem.ts'
import { addMs, addSeconds, systemClock, toSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { Found, IssueOrder, Target } from '../../src/core/target/target.ts'
import { mariadb } from '../../test/fakes/mariadb.ts'
import {
  leaseOrder,
  type SalesMariadb,
  signInAs,
  startSalesMariadb,
} from '../../test/support/sales-mariadb.ts'
import { nativeHash } from './issue.ts'
import { mysqlConnector } from './mysql.ts'
import { recipeSql, tableSql } from './recipe.ts'

describe.runIf(mariadb.isHere)(mariadb.name, () => {
  let sales: SalesMariadb
  let target: Target
  const soon = () => AbortSignal.timeout(15_000)
  const ask = <Row>(text: string) => sales.ask<Row>(text)

  beforeAll(async () => {
    sales = await startSalesMariadb()
    target = mysqlConnector.open(mysqlConnector.parseConfig(sales.config), systemClock)
  })
  afterAll(async () => {
    await target?.close()
    await sales?.stop()
  })

  async function issueNew(change: Partial<IssueOrder> = {}) {
    const order = leaseOrder(sales, change)
    await target.ensureHolder(order, soon())
    const { acceptedPath, connect } = await target.issue(order, soon())
    return { ...order, acceptedPath, connect }
  }
  type Lease = Awaited<ReturnType<typeof issueNew>>
  const look = (lease: Lease) => target.verifyGone(lease, soon())
  const signIn = ({ connect, secret: password }: Lease) => signInAs({ ...connect, password })

  async function problemOf(work: Promise<unknown>): Promise<Problem> {
    const thrown: unknown = await work.then(
      () => undefined,
      (error: unknown) => error,
    )
    if (!isProblem(thrown)) throw new Error(`not a Problem: ${String(thrown)}`)
    return thrown
  }

  async function listAll(): Promise<Found[]> {
    const all: Found[] = []
    for (let cursor: string | null = null; ; ) {
      const page = await target.inventory(cursor, soon())
      all.push(...page.found)
      cursor = page.next
      if (cursor === null) return all
    }
  }

  test('no password ever stands in a statement', async () => {
    const lease = await issueNew()
    await target.renew(lease, soon())
    await target.end(lease, soon())
    await target.verifyGone(lease, soon())
    const log = await readFile(sales.server.statementLog, 'utf8')
    expect(log).toContain(nativeHash(lease.secret))
    for (const secret of [lease.secret, sales.config.password])
      expect(log.replace(/^.*alter user 'leasehold.*$/gm, '')).not.toContain(secret)
  })

  test('a renewal changes nothing at the server, also long after the deadline', async () => {
    const lease = await issueNew()
    const row = () => ask(`select Priv from mysql.global_priv where User = '${lease.principal}'`)
    const before = await row()
    const late = { ...lease, deadline: addSeconds(systemClock.now(), -60) }
    const renewed = await target.renew({ ...late, endsAt: addSeconds(lease.endsAt, 900) }, soon())
    expect(renewed).toEqual({
      acceptedPath: lease.acceptedPath,
      connect: lease.connect,
      diesAt: null,
    })
    expect(await row()).toEqual(before)
    await target.hold(lease.principal, soon())
    expect((await problemOf(target.renew(lease, soon()))).code).toBe('target-refused')
  })

  test('reading, writing and removing are three rights, each down to its columns', async () => {
    const lease = await issueNew({ actions: ['read', 'write'] })
    const session = await signIn(lease)
    await session.ask(`insert into deals (id, name) values (900, 'x')`)
    await session.ask(`update deals set name = 'y' where id = 900`)
    for (const refused of [
      `update deals set email = 'x' where id = 900`,
      `insert into deals (email) values ('x')`,
      'delete from deals where id = 900',
      'select * from deals',
      'select count(*) from contacts',
      'create table crm.mine (id int)',
      'select User from mysql.global_priv',
    ])
      await expect(session.ask(refused)).rejects.toThrow(/denied/)
    await session.close()
  })

  test('a lease that holds the lock on its own name is ended all the same', async () => {
    const lease = await issueNew()
    const session = await signIn(lease)
    await session.ask(`do get_lock('${lease.principal}', 1)`)
    await target.end(lease, soon())
    await expect(session.ask('select 1')).rejects.toThrow(/./)
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test('another session that holds it can not keep the credential alive', async () => {
    const lease = await issueNew()
    const other = await issueNew()
    const [mine, theirs] = [await signIn(lease), await signIn(other)]
    await theirs.ask(`do get_lock('${lease.principal}', 1)`)
    expect((await problemOf(target.end(lease, soon()))).code).toBe('target-unavailable')
    await expect(mine.ask('select 1')).rejects.toThrow(/./)
    await expect(signIn(lease)).rejects.toThrow(/locked/)
    expect(judge(await look(lease))).toBe('unreachable')
    await target.end(other, soon())
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test.each(['hold', 'end'] as const)(
    'a sign-in that is half done does not survive a(n) %s',
    async verb => {
      const lease = await issueNew()
      const half = await beginSignIn(sales, lease.principal)
      if (verb === 'hold') await target.hold(lease.principal, soon())
      else await target.end(lease, soon())
      expect(await half.finish(lease.secret)).toBe('refused')
      expect(
        await ask(`select 1 from information_schema.processlist where User = '${lease.principal}'`),
      ).toEqual([])
    },
  )

  test('though the server itself lets one in after the account was locked', async () => {
    const lease = await issueNew()
    const half = await beginSignIn(sales, lease.principal)
    await ask(`alter user \`${lease.principal}\`@'%' account lock`)
    expect(await half.finish(lease.secret)).toBe('accepted')
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test('what waits for the lock when its deadline passes is refused by the server', async () => {
    const lease = leaseOrder(sales, { deadline: addMs(systemClock.now(), 500) })
    await target.ensureHolder(lease, soon())
    const { host, port } = sales.server
    const blocker = await signInAs({ host, port, user: 'root' })
    await blocker.ask(`do get_lock('${lease.principal}', 1)`)
    // Its sender lives and waits: nothing but the server's clock stands in its way.
    const making = problemOf(target.issue(lease, soon()))
    await new Promise(done => setTimeout(done, 900))
    await blocker.close()
    expect((await making).detail).toContain('deadline')
    expect(await ask(`select 1 from mysql.global_priv where User = '${lease.principal}'`)).toEqual(
      [],
    )
  })

  test('accounts of its name for other hosts end with it', async () => {
    const lease = await issueNew()
    const more = [`10.%`, `it''s\\\\odd`].map(host => `\`${lease.principal}\`@'${host}'`)
    await ask(more.map(account => `create user ${account} identified by 'x'`).join('; '))
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test('one that was renamed is found by its key', async () => {
    const lease = await issueNew()
    await ask(`rename user \`${lease.principal}\`@'%' to moved@'%'`)
    await target.end(lease, soon())
    const evidence = await look(lease)
    expect(evidence.residue).toEqual(['the same key opens moved'])
    expect(judge(evidence)).toBe('still-there')
    await ask(`drop user moved@'%'`)
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test('what was made in its name is named, each by its kind', async () => {
    const lease = await issueNew()
    const definer = `definer = \`${lease.principal}\`@'%'`
    await ask(`create ${definer} view crm.a_view as select id from crm.deals;
      create ${definer} procedure crm.a_procedure() select 1;
      create ${definer} function crm.a_function() returns int return 1;
      create ${definer} event crm.an_event on schedule every 1 day do select 1;
      create role granted; grant granted to \`${lease.principal}\`@'%'`)
    expect((await look(lease)).residue).toContain('member of granted')
    await target.end(lease, soon())
    const evidence = await look(lease)
    expect([...evidence.residue].sort()).toEqual([
      'event crm.an_event',
      'function crm.a_function',
      'procedure crm.a_procedure',
      'view crm.a_view',
    ])
    expect(evidence).toMatchObject({ listed: 'absent', credential: 'refused', sessions: 0 })
    await ask(`drop view crm.a_view; drop procedure crm.a_procedure; drop function crm.a_function;
      drop event crm.an_event; drop role granted`)
    const after = await look(lease)
    expect({ ...after, judged: judge(after) }).toMatchObject({
      judged: 'verified-gone',
      residue: [],
    })
  })

  test('a transaction it prepared is said to be there, for the server does not say whose', async () => {
    const lease = await issueNew({ actions: ['read', 'write'] })
    const session = await signIn(lease)
    for (const text of ['start', 'end', 'prepare']) {
      await session.ask(`xa ${text} 'left'`)
      if (text === 'start') await session.ask(`update deals set name = 'q' where id = 1`)
    }
    await target.end(lease, soon())
    expect((await look(lease)).because).toContain('prepared transactions')
    await ask(`xa rollback 'left'`)
    const after = await look(lease)
    expect({ because: after.because, judged: judge(after) }).toEqual({
      because: undefined,
      judged: 'verified-gone',
    })
  })

  test('rights that somebody else gave stop the grant, or end with the lease', async () => {
    const lease = await issueNew()
    await ask(`grant select on billing.* to \`${lease.principal}\`@'%'`)
    expect((await look(lease)).residue).toEqual(['rights on a database billing'])
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
    await ask(`grant select on crm.contacts to \`${lease.holder}\``)
    const refused = await problemOf(target.ensureHolder(lease, soon()))
    expect(refused.detail).toContain('select crm contacts')
    await ask(`revoke select on crm.contacts from \`${lease.holder}\``)
    await ask(`grant select (email) on crm.deals to \`${lease.holder}\``)
    await target.ensureHolder(lease, soon())
    expect(await ask(`show grants for \`${lease.holder}\``)).toHaveLength(2)
  })

  test('a login that was made stronger is not issued again', async () => {
    const lease = await issueNew()
    await ask(`grant process on *.* to \`${lease.principal}\`@'%'`)
    expect((await problemOf(target.issue(lease, soon()))).code).toBe('target-refused')
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test.each([
    ['it`s "a"; drop table x', "o'dd\\", 'co`l'],
    ['x'.repeat(64), 'y'.repeat(64), 'z'.repeat(64)],
    ['ｃｒｍ', 'ԁeals', 'ïd'],
    ['wild_%', 't_%', 'c_%'],
  ])('rights on %j mean exactly that', async (database, table, column) => {
    const q = (name: string) => `\`${name.replaceAll('`', '``')}\``
    const place = `${q(database)}.${q(table)}`
    await ask(`create database ${q(database)}; create table ${place} (${q(column)} int, other int)`)
    const object = { database, table }
    const asked = { object, columns: [column] }
    const refused = await problemOf(target.ensureHolder(leaseOrder(sales, asked), soon()))
    expect(refused.next).toContain(tableSql('leasehold', object))
    await ask(tableSql('leasehold', object))
    const lease = await issueNew(asked)
    const session = await signIn(lease)
    await session.ask(`select ${q(column)} from ${place}`)
    await expect(session.ask(`select other from ${place}`)).rejects.toThrow(/denied/)
    await session.close()
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
    await ask(`drop database ${q(database)}`)
  })

  test('everything else is listed too, page by page, and nothing twice', async () => {
    const names = Array.from({ length: 230 }, (_, i) => `u${i}`)
    await ask(
      `${names.map(n => `create user ${n}@'%' identified by 'x'`).join(';')}; create role readers`,
    )
    const found = await listAll()
    expect(new Set(found.map(each => each.id)).size).toBe(found.length)
    for (const name of names)
      expect(found.find(each => each.name === name)).toMatchObject({ kind: 'account', ours: false })
    expect(found.find(each => each.name === 'readers')).toMatchObject({ kind: 'role', ours: false })
    const root = found.find(each => each.id === 'root@localhost')
    expect(root).toMatchObject({ lastUsedAt: null, details: { mayEverything: true } })
    const own = found.find(each => each.name === 'leasehold')
    expect(own?.details['mayEverything']).toBe(true)
    const probe = found.find(each => each.name === 'leasehold_probe')
    expect(probe?.details['mayEverything']).toBe(false)
    expect(JSON.stringify(found)).not.toMatch(/\*[0-9A-F]{40}/)
    await ask(`${names.map(n => `drop user ${n}@'%'`).join(';')}; drop role readers`)
  })

  describe('the canary', () => {
    async function preflight(change = {}) {
      const config = mysqlConnector.parseConfig({ ...sales.config, ...change })
      const { steps } = await mysqlConnector.open(config, systemClock).preflight(soon())
      return steps.at(-1)
    }

    test('leaves nothing, and takes away what a crash left', async () => {
      const now = systemClock.now()
      const name = (age: number) => `canary_${toSeconds(addSeconds(now, -age))}_00ff`
      await ask(`create user lh_${name(4000)}@'%'; create role lhg_${name(4000)};
        create user lh_${name(5)}@'%'`)
      expect(await preflight()).toEqual({ name: 'rights holder gone', ok: true })
      const left = await ask<{ User: string }>(
        `select User from mysql.global_priv where User like '%\\_canary\\_%'`,
      )
      expect(left).toEqual([{ User: `lh_${name(5)}` }])
      await ask(`drop user lh_${name(5)}@'%'`)
    })

    test.each(['create user', 'process', 'connection admin', 'show view'])(
      'says what to run where %s is missing',
      async right => {
        await ask(`revoke ${right} on *.* from leasehold@'%'`)
        const last = await preflight()
        await ask(`grant ${right} on *.* to leasehold@'%'`)
        expect(last).toMatchObject({ name: 'own rights', ok: false })
        const recipe = recipeSql({ user: 'leasehold', probe: 'leasehold_probe' }).split('\n')
        expect(last?.detail).toContain(recipe[2])
      },
    )

    test('names a setting under which no hash is taken', async () => {
      await ask(`install soname 'simple_password_check'`)
      const last = await preflight()
      await ask(`uninstall soname 'simple_password_check'`)
      expect(last).toMatchObject({ name: 'accepted', ok: false })
      expect(last?.detail).toContain('strict_password_validation')
    })

    test('refuses what it can not read, a wrong password, and a superuser', async () => {
      await ask(`revoke select on mysql.* from leasehold@'%'`)
      expect(await preflight()).toMatchObject({ ok: false })
      await ask(`grant select on mysql.* to leasehold@'%'; grant super on *.* to leasehold@'%'`)
      expect((await preflight())?.detail).toContain('SUPER')
      await ask(`revoke super on *.* from leasehold@'%'`)
      const refused = await preflight({ password: 'not this one' })
      expect(refused?.detail).toContain("refuses the connector's own account")
      expect(JSON.stringify(refused)).not.toContain('not this one')
    })

    test('does not believe a refusal when the probe account is refused as well', async () => {
      const probe = { user: 'leasehold_probe', password: 'not this one' }
      const last = await preflight({ probe })
      expect(last).toMatchObject({ name: 'refused and gone', ok: false })
      expect(last?.detail).toMatch(/revoked-unverified.*probe account/)
    })
  })
})

/**
 * A client that names another way to sign in is asked to change it, and may take its time: the server has
 * looked the account up by then, and does not look again.
 */
async function beginSignIn({ server }: SalesMariadb, user: string) {
  const socket = connect(server.port, server.host)
  socket.on('error', () => {})
  const packets: Buffer[] = []
  let left = Buffer.alloc(0)
  socket.on('data', data => {
    left = Buffer.concat([left, Buffer.from(data)])
    while (left.length >= 4 && left.length >= 4 + left.readUIntLE(0, 3)) {
      const end = 4 + left.readUIntLE(0, 3)
      packets.push(left.subarray(3, end))
      left = left.subarray(end)
    }
  })
  const next = async () => {
    while (packets.length === 0 && !socket.closed) await new Promise(done => setTimeout(done, 5))
    return packets.shift()
  }
  const send = (sequence: number, body: Buffer) => {
    const head = Buffer.alloc(4)
    head.writeUIntLE(body.length, 0, 3)
    head[3] = sequence
    socket.write(Buffer.concat([head, body]))
  }
  await next()
  const hello = Buffer.alloc(32)
  // CLIENT_PLUGIN_AUTH, SECURE_CONNECTION, PROTOCOL_41, LONG_PASSWORD.
  hello.writeUInt32LE(0x88201)
  hello.writeUInt32LE(1 << 24, 4)
  hello[8] = 45
  send(1, Buffer.concat([hello, Buffer.from(`${user}\0\0dialog\0`)]))
  const change = (await next()) ?? Buffer.alloc(0)
  const at = change.indexOf(0, 2) + 1
  const nonce = change.subarray(at, at + 20)
  return {
    async finish(secret: string): Promise<'accepted' | 'refused'> {
      const sha1 = (data: Uint8Array | string) => createHash('sha1').update(data).digest()
      const once = sha1(secret)
      const mask = sha1(Buffer.concat([nonce, sha1(once)]))
      send((change[0] ?? 0) + 1, Buffer.from(once.map((byte, i) => byte ^ (mask[i] ?? 0))))
      const answer = await next()
      return answer?.[1] === 0 ? 'accepted' : 'refused'
    },
  }
}
