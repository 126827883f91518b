/**
 * The gateway: a lease whose credential stays with us, from the tunnel to a real PostgreSQL, by the
 * real driver and by bytes written by hand; and everybody who must not come through.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { openTunnel } from '../../cli/src/tunnel.ts'
import { toMs } from '../../src/core/base/time.ts'
import { bounds } from '../../src/doors/gateway/bounds.ts'
import {
  attest,
  type Company,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  startCompany,
} from './company.ts'

let company: Company
beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  await makeAppWithGrant(company, 'gated')
}, 120_000)
afterAll(() => company?.stop())

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

interface Leased {
  readonly task: string
  readonly id: string
  readonly user: string
  readonly word: string
  readonly told: string[]
  readonly port: number
}

/** A lease through the gateway, and a door of this machine to it. */
async function lease(slug = 'gated', token?: string): Promise<Leased> {
  const task = token ?? (await attest(company, slug))
  const ask = { resource: 'crm.deals', actions: ['read'] }
  const made = await expectStatus(201, company.as({ task })('POST', '/v1/leases', ask))
  const { lease: row, handle } = made.body
  const told: string[] = []
  const { port } = await door(row.id, task, told)
  return { task, id: row.id, user: handle.connect.user, word: handle.word, told, port }
}

async function door(id: string, task: string, told: string[] = []) {
  const server = new URL(company.running.address)
  const path = `/v1/leases/${id}/tunnel`
  const opened = await openTunnel({ server, path, token: async () => task }, why => told.push(why))
  closing.push(() => opened.close())
  return opened
}

async function signIn(to: Leased, change: pg.ClientConfig = {}): Promise<pg.Client> {
  const { port, user, word: password } = to
  const own = { host: '127.0.0.1', port, database: 'crm', user, password }
  const client = new pg.Client({ ...own, ...change })
  client.on('error', () => {})
  closing.push(() => client.end().catch(() => {}))
  await client.connect()
  return client
}

const deals = 'select id, name from crm.deals order by id'
const entries = async (kind: string) => {
  await company.running.world.settle()
  const page = await company.as('sam')('GET', `/v1/log?kind=${kind}&limit=200`)
  return page.body.entries as { position: number }[]
}
const entry = async (position: number) =>
  (await company.as('sam')('GET', `/v1/log/${position}`)).body

describe('a session', () => {
  test('reads what was granted, by a word that is not the credential', async () => {
    const leased = await lease()
    const client = await signIn(leased)
    const { rows } = await client.query(deals)
    expect(rows).toHaveLength(20)
    // The target refuses the word itself.
    const { host, port } = company.sales?.server ?? { host: '', port: 0 }
    await expect(signIn(leased, { host, port })).rejects.toThrow('password authentication failed')
    // And what was not granted stays refused, by the target's own word.
    await expect(client.query('select email from crm.deals')).rejects.toMatchObject({
      code: '42501',
    })
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('has the settings its driver asked for, and many at once', async () => {
    const leased = await lease()
    const named = await signIn(leased, { application_name: 'board' })
    const { rows } = await named.query(
      `select current_setting('application_name') as app, current_user as who`,
    )
    expect(rows).toEqual([{ app: 'board', who: leased.user }])
    const others = await Promise.all([1, 2, 3, 4].map(() => signIn(leased)))
    const answers = await Promise.all(others.map(each => each.query(deals)))
    expect(answers.map(({ rowCount }) => rowCount)).toEqual([20, 20, 20, 20])
  })

  test('has one entry when it opens, with its decision, and one when it ends, with what went through', async () => {
    const leased = await lease()
    const client = await signIn(leased)
    await client.query(deals)
    await client.end()
    const [opened, ended] = await vi.waitFor(async () => {
      const found = []
      for (const kind of ['session.open', 'session.end']) {
        const about = []
        for (const { position } of await entries(kind)) about.push(await entry(position))
        const own = about.filter(each => each.facts.leaseId === leased.id)
        expect(own).toHaveLength(1)
        found.push(own[0])
      }
      return found
    })
    expect(opened.facts.decisions).toHaveLength(1)
    expect(ended.facts).toMatchObject({
      session: opened.facts.session,
      rowCount: 20,
      endedBy: 'caller',
      because: null,
    })
    expect(ended.facts.toCaller).toBeGreaterThan(400)
    expect(JSON.stringify([opened, ended])).not.toMatch(/select|deal 1/)
  })
})

/** Bytes by hand, through the door of the lease. */
async function rawTo({ port }: Pick<Leased, 'port'>): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  closing.push(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Everything that comes until the other side ends it. */
async function answerOf(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += (chunk as Buffer).toString('latin1')
  return text
}

function startUp(words: Readonly<Record<string, string>>, code = 196_608): Buffer {
  const pairs = Object.entries(words).map(([name, value]) => `${name}\0${value}\0`)
  const body = Buffer.from(`${pairs.join('')}\0`)
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + body.length, 0)
  head.writeInt32BE(code, 4)
  return Buffer.concat([head, body])
}

async function sessionsAt(user: string): Promise<number> {
  const text = 'select from pg_stat_activity where usename = $1'
  return (await company.sales?.ask(text, [user]))?.length ?? -1
}

/** Our own trial of a new lease may be closing still. */
const goneAt = (user: string) =>
  vi.waitFor(async () => expect(await sessionsAt(user)).toBe(0), { timeout: 5_000 })

describe('who is not let in, and leaves no trace at the target', () => {
  let leased: Leased
  beforeEach(async () => {
    leased = await lease()
  })

  test('another word, another user, another database', async () => {
    const opened = (await entries('session.open')).length
    const wrong = { password: randomBytes(32).toString('base64url') }
    await expect(signIn(leased, wrong)).rejects.toMatchObject({ code: '28P01' })
    const other = await lease()
    for (const change of [{ user: other.user }, { user: 'postgres' }])
      await expect(signIn(leased, change)).rejects.toMatchObject({
        code: '28P01',
        message: expect.stringContaining(
          `password authentication failed for user "${change.user}"`,
        ),
      })
    await expect(signIn(leased, { password: other.word })).rejects.toMatchObject({ code: '28P01' })
    await expect(signIn(leased, { database: 'billing' })).rejects.toMatchObject({
      code: '3D000',
      message: expect.stringContaining('"crm"'),
    })
    expect((await entries('session.open')).length).toBe(opened)
    await goneAt(leased.user)
    // The neighbour who is.
    expect((await (await signIn(leased)).query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('replication, another protocol, TLS, a start-up without end or sense', async () => {
    const { user } = leased
    const said = async (bytes: Buffer) => {
      const socket = await rawTo(leased)
      socket.write(bytes)
      return answerOf(socket)
    }
    expect(await said(startUp({ user, database: 'crm', replication: 'database' }))).toMatch(
      /C0A000.*not for replication/s,
    )
    expect(await said(startUp({ user }, 2 << 16))).toContain('Only protocol 3')
    const long = startUp({ user, options: 'x'.repeat(10_001) })
    expect(await said(long)).toContain('C08006')
    expect(await said(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toContain('C08006')
    expect(
      await said(Buffer.concat([startUp({ user }).subarray(0, -1), Buffer.from('x')])),
    ).toMatch(/08P01/)
    const twice = startUp({ user })
    const pair = Buffer.from(`user\0${user}\0`)
    const doubled = Buffer.concat([twice.subarray(0, 8), pair, twice.subarray(8)])
    doubled.writeInt32BE(doubled.length, 0)
    expect(await said(doubled)).toContain('C08P01')
    await expect(signIn(leased, { ssl: true })).rejects.toThrow('does not support SSL')
  })

  test('who answers the question for the word with something else', async () => {
    const { user } = leased
    for (const [type, body] of [
      ['p', 'md5abcdef\0'],
      ['Q', 'select 1\0'],
      ['p', 'SCRAM-SHA-256-PLUS\0\0\0\0\x05p=tls'],
      ['p', 'SCRAM-SHA-256\0\0\0\0\x0an,a=me,n=,'],
      ['p', 'x'.repeat(3_000)],
    ] as const) {
      const socket = await rawTo(leased)
      socket.write(startUp({ user, database: 'crm' }))
      const [asked] = (await once(socket, 'data')) as [Buffer]
      expect(asked.toString('latin1')).toContain('SCRAM-SHA-256\0')
      const bytes = Buffer.from(`${type}\0\0\0\0${body}`, 'latin1')
      bytes.writeInt32BE(bytes.length - 1, 1)
      socket.write(bytes)
      expect(await answerOf(socket)).toMatch(/SFATAL/)
    }
    await goneAt(user)
  })
})

test('what policy says no to is recorded as that, and is no session', async () => {
  await makeAppWithGrant(company, 'dropped')
  const leased = await lease('dropped')
  const maya = company.as('maya')
  const { grants } = (await maya('GET', '/v1/apps/dropped')).body
  await expectStatus(200, maya('POST', `/v1/grants/${grants[0].id}/drop`))
  await expect(signIn(leased)).rejects.toThrow(/rule|has ended/)
  const ended = await entries('session.end')
  for (const { position } of ended)
    expect((await entry(position)).facts.leaseId).not.toBe(leased.id)
})

describe('a cancel', () => {
  const cancel = async (to: Leased, client: pg.Client) => {
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
    const bytes = Buffer.alloc(16)
    for (const [i, value] of [16, 80_877_102, processID, secretKey].entries())
      bytes.writeInt32BE(value, 4 * i)
    const socket = await rawTo(to)
    socket.write(bytes)
    expect(await answerOf(socket)).toBe('')
  }

  test('stops what a session of the same lease does, and the session lives on', async () => {
    const leased = await lease()
    const client = await signIn(leased)
    const sleeping = client.query('select pg_sleep(60)').catch((error: unknown) => error)
    await vi.waitFor(async () => {
      const rows = await company.sales?.ask(
        `select from pg_stat_activity where usename = $1 and state = 'active'`,
        [leased.user],
      )
      expect(rows).toHaveLength(1)
    })
    await cancel(leased, client)
    expect(await sleeping).toMatchObject({ code: '57014' })
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('by another lease reaches nothing, whatever key it names', async () => {
    const [leased, other] = [await lease(), await lease()]
    const client = await signIn(leased)
    const sleeping = client.query('select pg_sleep(0.5), 1 as one')
    await cancel(other, client)
    expect((await sleeping).rows).toMatchObject([{ one: 1 }])
  })

  test('gets a key of ours, and no other: the target’s own would open a way round', async () => {
    const { port, user, word: password } = await lease()
    const client = new pg.Client({ host: '127.0.0.1', port, database: 'crm', user, password })
    client.on('error', () => {})
    closing.push(() => client.end().catch(() => {}))
    const keys: number[] = []
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
    connection.on('backendKeyData', ({ processID }: { processID: number }) => keys.push(processID))
    await client.connect()
    const { rows } = await client.query('select pg_backend_pid() as pid')
    expect(keys).toHaveLength(1)
    expect(keys).not.toContain(rows[0].pid)
  })
})

describe('a tunnel', () => {
  const ask = async (path: string, headers: Record<string, string>) => {
    const url = new URL(path, company.running.address)
    const upgrade = { connection: 'Upgrade', upgrade: 'leasehold-tunnel' }
    const asked = request(url, { headers: { ...upgrade, ...headers }, agent: false }).end()
    const [answer] = await Promise.race([once(asked, 'response'), once(asked, 'upgrade')])
    answer.socket.destroy()
    return answer.statusCode as number
  }
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

  test('is opened by the task of the lease alone', async () => {
    await makeAppWithGrant(company, 'stranger')
    const { id, task } = await lease()
    const path = `/v1/leases/${id}/tunnel`
    expect(await ask(path, bearer(task))).toBe(101)
    expect(await ask(path, {})).toBe(401)
    expect(await ask(path, bearer('x.y.z'))).toBe(401)
    expect(await ask(path, bearer(`${task.slice(0, -4)}AAAA`))).toBe(401)
    expect(await ask(path, bearer(await attest(company, 'gated')))).toBe(404)
    expect(await ask(path, bearer(await attest(company, 'stranger')))).toBe(404)
    expect(await ask(`/v1/leases/ls_${'0'.repeat(26)}/tunnel`, bearer(task))).toBe(404)
    expect(await ask(`${path}/more`, bearer(task))).toBe(404)
  })

  test('is not opened under another host name, from a page, or for another protocol', async () => {
    const { id, task } = await lease()
    const path = `/v1/leases/${id}/tunnel`
    expect(await ask(path, { ...bearer(task), host: 'evil.example' })).toBe(400)
    expect(await ask(path, { ...bearer(task), origin: 'http://evil.example' })).toBe(400)
    expect(await ask(path, { ...bearer(task), upgrade: 'websocket' })).toBe(404)
    expect(await ask('/healthz', { upgrade: 'h2c' })).toBe(200)
  })

  test('to a lease that ended says so in the protocol of its target', async () => {
    const leased = await lease()
    const other = await lease()
    await expectStatus(
      200,
      company.as({ task: leased.task })('POST', `/v1/leases/${leased.id}/release`),
    )
    await expect(signIn(leased)).rejects.toThrow(/L-\w+ has ended/)
    expect((await (await signIn(other)).query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(leased.told).toEqual([])
  })

  test('is one of a bounded number', async () => {
    const leased = await lease()
    const many = await Promise.all(Array.from({ length: 20 }, () => rawTo(leased)))
    // Past our own door, which has a bound of its own.
    const another = () => ask(`/v1/leases/${leased.id}/tunnel`, bearer(leased.task))
    const isFull = async () => {
      const is = await another()
      // One that was lost on a busy machine is not missed.
      if (is !== 429) many.push(await rawTo(leased))
      expect(is).toBe(429)
    }
    await vi.waitFor(isFull, { timeout: 20_000 })
    for (const each of many) each.destroy()
    await vi.waitFor(async () =>
      expect(await ask(`/v1/leases/${leased.id}/tunnel`, bearer(leased.task))).toBe(101),
    )
  })

  test('that comes too soon after many waits for its turn, and those of other leases do not', async () => {
    const [leased, other] = [await lease(), await lease()]
    const { tunnelBurst, tunnelGapMs } = bounds
    const askFor = (one: Leased) => ask(`/v1/leases/${one.id}/tunnel`, bearer(one.task))
    const start = performance.now()
    // On a busy machine some of what was taken is given back meanwhile: until nothing is left of it.
    let asked = 0
    const owedMs = () => (asked - tunnelBurst) * tunnelGapMs - (performance.now() - start)
    for (; owedMs() < -tunnelGapMs; asked += 10)
      expect(await Promise.all(Array.from({ length: 10 }, () => askFor(leased)))).toEqual(
        Array(10).fill(101),
      )
    const turns = Array.from({ length: 10 }, () => askFor(leased))
    expect(await Promise.race([Promise.all(turns), askFor(other)])).toBe(101)
    expect(await Promise.all(turns)).toEqual(Array(10).fill(101))
    expect(performance.now() - start).toBeGreaterThan((asked + 10 - tunnelBurst) * tunnelGapMs - 1)
  })
})

/** The last thing a session said, and that it is over. */
function lastWords(client: pg.Client) {
  return new Promise<{ code: string; message: string; hint: string }>(resolve => {
    client.once('error', error => resolve(error as never))
  })
}

describe('an open session is cut, and told why', () => {
  test('when its app is paused; what it was doing stops, and nobody comes in until it goes on', async () => {
    await makeAppWithGrant(company, 'paused')
    const leased = await lease('paused')
    const [idle, busy] = [await signIn(leased), await signIn(leased)]
    const told = lastWords(idle)
    const query = busy.query('select pg_sleep(60)').catch((error: unknown) => error)
    const reason = { reason: 'something looks wrong' }
    await expectStatus(200, company.as('maya')('POST', '/v1/apps/paused/pause', reason))
    const { code, message, hint } = await told
    expect(code).toBe('57P01')
    expect(message).toMatch(/Only an app that is active works.*\(rule app-not-running\)/)
    expect(hint).toMatch(/See: leasehold why D-\w+/)
    expect(await query).toMatchObject({ code: '57P01' })
    await goneAt(leased.user)
    await expect(signIn(leased)).rejects.toThrow('Its app is paused')
    const { port } = await door(leased.id, leased.task)
    await expect(signIn({ ...leased, port })).rejects.toThrow('Its app is paused')
    await expectStatus(200, company.as('maya')('POST', '/v1/apps/paused/resume'))
    await company.running.world.settle()
    const again = await lease('paused')
    expect((await (await signIn(again)).query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('the decision that cut it is in the entry of its end', async () => {
    const leased = await lease('paused')
    const client = await signIn(leased)
    const told = lastWords(client)
    const order = { scope: 'app', about: 'paused', reason: 'looks stolen' }
    const hold = await expectStatus(201, company.as('sue')('POST', '/v1/holds', order))
    expect((await told).message).toContain('(rule hold)')
    await expectStatus(200, company.as('sue')('POST', `/v1/holds/${hold.body.id}/lift`))
    const ended = await vi.waitFor(async () => {
      const positions = (await entries('session.end')).map(({ position }) => position)
      for (const position of positions) {
        const one = await entry(position)
        if (one.facts.leaseId === leased.id) return one
      }
      throw new Error('not yet')
    })
    expect(ended.facts).toMatchObject({ endedBy: 'us', because: 'denied' })
    expect(ended.facts.decisions).toHaveLength(1)
  })

  test.each([
    ['its task is closed', (of: Leased) => closeTask(of), /task of L-\w+ was closed/],
    [
      'its lease is released',
      (of: Leased) => company.as({ task: of.task })('POST', `/v1/leases/${of.id}/release`),
      /has ended/,
    ],
    [
      'everything is held',
      async () => {
        const order = { scope: 'everything', reason: 'stop' }
        const hold = await company.as('sue')('POST', '/v1/holds', order)
        return company.as('sue')('POST', `/v1/holds/${hold.body.id}/lift`)
      },
      /rule hold/,
    ],
  ] as const)('when %s', async (_, act, says) => {
    const leased = await lease()
    const client = await signIn(leased)
    const told = lastWords(client)
    await act(leased)
    expect((await told).message).toMatch(says)
    await goneAt(leased.user)
    await company.running.world.settle()
  })

  test('when its term is over and was not renewed; a renewed one goes on', async () => {
    const [short, renewed] = [await lease(), await lease()]
    const [client, other] = [await signIn(short), await signIn(renewed)]
    const told = lastWords(client)
    company.clock.advance(4 * 60_000)
    const path = `/v1/leases/${renewed.id}/renew`
    await expectStatus(200, company.as({ task: renewed.task })('POST', path, {}))
    // Just before its end, so that it is we who cut, and not the target that drops its user.
    const { body } = await company.as({ task: short.task })('GET', `/v1/leases/${short.id}`)
    company.clock.advance(Date.parse(body.termEndsAt) - toMs(company.clock.now()) - 600)
    expect((await told).message).toMatch(/L-\w+ ended at/)
    expect((await other.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    // A token that has run out is refused in HTTP: another one may help.
    company.clock.advance(2 * 60_000)
    await expect(signIn(renewed)).rejects.toThrow('Connection terminated')
    expect(renewed.told).toEqual(['The server does not take the token of this task.'])
  })
})

async function closeTask({ task }: Leased) {
  const { body } = await company.as({ task })('GET', '/v1/me')
  return company.as({ task })('POST', `/v1/tasks/${body.task.id}/close`)
}
