/**
 * One connection through the gateway, by the real driver in front and a real PostgreSQL behind, with
 * something in between that hangs, breaks off, or asks for the password in another way.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, TLSSocket } from 'node:tls'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Problem } from '../../src/core/base/problem.ts'
import { systemClock } from '../../src/core/base/time.ts'
import type { IssueOrder, Passed, Target } from '../../src/core/target/target.ts'
import {
  leaseOrder,
  type SalesDatabase,
  startSalesDatabase,
} from '../../test/support/sales-database.ts'
import { postgresConnector } from './postgres.ts'
import { message } from './wire.ts'

const word = 'a-word-of-this-run'
let sales: SalesDatabase
let target: Target
let order: IssueOrder
const closing: (() => unknown)[] = []

beforeAll(async () => {
  sales = await startSalesDatabase()
  target = open(sales.server.port)
})
afterAll(async () => {
  await target?.close()
  await sales?.stop()
})
beforeEach(async () => {
  order = leaseOrder(sales)
  await target.ensureHolder(order, AbortSignal.timeout(15_000))
  await target.issue(order, AbortSignal.timeout(15_000))
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function open(port: number, tls: boolean | { ca: string } = false): Target {
  const config = postgresConnector.parseConfig({ ...sales.config, port, tls })
  return postgresConnector.open(config, systemClock)
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  closing.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A door to `behind`: what each connection came to, how to cut, and how often it was admitted. */
async function gate(behind = target, admit = async () => order.secret) {
  const cutter = new AbortController()
  const passed: Promise<Passed | undefined>[] = []
  let admitted = 0
  const server = createServer({ allowHalfOpen: true }, caller => {
    const passage = {
      caller,
      order,
      word,
      signal: cutter.signal,
      cancels: new Map(),
      admit: async () => {
        admitted++
        return admit()
      },
    }
    passed.push(behind.pass?.(passage) ?? Promise.resolve(undefined))
  })
  const port = await listen(server)
  return {
    port,
    passed: async () => (await Promise.all(passed)).at(-1),
    admitted: () => admitted,
    cut: () => cutter.abort(new Problem('denied', { detail: 'It is paused.', next: 'Resume it.' })),
  }
}

async function signIn(port: number, change: pg.ClientConfig = {}): Promise<pg.Client> {
  const own = { host: '127.0.0.1', port, database: 'crm', user: order.principal, password: word }
  const client = new pg.Client({ ...own, ...change })
  client.on('error', () => {})
  closing.push(() => client.end().catch(() => {}))
  await client.connect()
  return client
}

interface Front {
  readonly port: number
  /** Of each connection. */
  readonly sockets: { readonly near: Socket; readonly far: Socket }[]
  bytes: number
}

/** Between the gateway and the server; `change` sees what the server says, and may say another thing. */
async function front(change: (chunk: Buffer) => Buffer = chunk => chunk): Promise<Front> {
  const made: Front = { port: 0, sockets: [], bytes: 0 }
  const server = createServer(near => {
    const far = connect(sales.server.port, '127.0.0.1')
    made.sockets.push({ near, far })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy())
    near.pipe(far)
    far.on('data', (chunk: Buffer) => {
      made.bytes += chunk.length
      if (near.write(change(chunk))) return
      far.pause()
      near.once('drain', () => far.resume())
    })
  })
  return Object.assign(made, { port: await listen(server) })
}

/** A server that says this after the start, whatever it is told; keeps what it heard. */
async function saying(...answers: readonly Buffer[]) {
  const heard: Buffer[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    closing.push(() => socket.destroy())
    const rest = [...answers]
    socket.on('data', (chunk: Buffer) => {
      heard.push(chunk)
      socket.write(rest.shift() ?? Buffer.alloc(0))
    })
  })
  return { port: await listen(server), heard }
}

describe('before the target is touched', () => {
  test('the word is shown, and then somebody decides', async () => {
    const { port: frontPort, sockets } = await front()
    const no = new Problem('denied', { detail: 'It is on hold.', next: 'Ask Sue.' })
    const { port, admitted } = await gate(open(frontPort), () => Promise.reject(no))
    await expect(signIn(port, { password: 'another' })).rejects.toMatchObject({ code: '28P01' })
    expect(admitted()).toBe(0)
    const told = { code: '28000', message: 'Leasehold: It is on hold.', hint: 'Ask Sue.' }
    await expect(signIn(port)).rejects.toMatchObject(told)
    expect([admitted(), sockets.length]).toEqual([1, 0])
  })

  test('one that is over is told so, once it has spoken', async () => {
    const { port, cut, admitted } = await gate()
    cut()
    const told = { message: 'Leasehold: It is paused.', hint: 'Resume it.' }
    await expect(signIn(port)).rejects.toMatchObject(told)
    expect(admitted()).toBe(0)
  })
})

describe('what goes through is counted, and who ended it is known', () => {
  test('by the caller', async () => {
    const { port, passed } = await gate()
    const client = await signIn(port)
    await client.query('select id from crm.deals')
    await client.end()
    expect(await passed()).toMatchObject({ rows: 20, endedBy: 'caller' })
  })

  test('by the target, in its own words', async () => {
    const { port, passed } = await gate()
    const client = await signIn(port)
    const last = once(client, 'error')
    await sales.ask(`select pg_terminate_backend(pid) from pg_stat_activity where usename = $1`, [
      order.principal,
    ])
    expect((await last)[0]).toMatchObject({ message: expect.stringContaining('administrator') })
    expect(await passed()).toMatchObject({ endedBy: 'target' })
  })

  test('a caller that goes without a word leaves nothing at work behind', async () => {
    const { port, passed } = await gate()
    const client = await signIn(port)
    client.query('select pg_sleep(60)').catch(() => {})
    const socket = (client as unknown as { connection: { stream: Socket } }).connection.stream
    socket.destroy()
    expect(await passed()).toMatchObject({ endedBy: 'caller' })
    await expect
      .poll(async () => {
        const text = 'select from pg_stat_activity where usename = $1'
        return (await sales.ask(text, [order.principal])).length
      })
      .toBe(0)
  })
})

test('a caller that goes while the lease signs in leaves no session behind', async () => {
  const held: (() => void)[] = []
  const { port: frontPort, sockets } = await front()
  const { port, passed, admitted } = await gate(open(frontPort), async () => {
    await new Promise<void>(done => held.push(done))
    return order.secret
  })
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    database: 'crm',
    user: order.principal,
    password: word,
  })
  client.on('error', () => {})
  client.connect().catch(() => {})
  await expect.poll(admitted).toBe(1)
  const socket = (client as unknown as { connection: { stream: Socket } }).connection.stream
  socket.resetAndDestroy()
  await new Promise(done => setTimeout(done, 50))
  for (const go of held) go()
  expect(await passed()).toMatchObject({
    rows: expect.toSatisfy(rows => rows === 0 || rows === null),
  })
  await expect.poll(() => sockets.every(({ near }) => near.destroyed)).toBe(true)
})

describe('a target that', () => {
  test('hangs while the lease signs in holds nobody who is cut', async () => {
    const { port: deaf } = await saying()
    const { port, cut, passed, admitted } = await gate(open(deaf))
    const waiting = signIn(port).catch((error: unknown) => error)
    await expect.poll(admitted).toBe(1)
    cut()
    expect(String(await waiting)).toContain('paused')
    expect(await passed()).toMatchObject({ toCaller: 0 })
  })

  test('hangs in the middle of a query holds nobody who is cut', async () => {
    const { port: frontPort, sockets } = await front()
    const { port, cut, passed } = await gate(open(frontPort))
    const client = await signIn(port)
    for (const { far } of sockets) far.pause()
    const query = client.query('select 1').catch((error: unknown) => error)
    cut()
    expect(await query).toMatchObject({ code: '57P01' })
    expect(await passed()).toMatchObject({ endedBy: 'us' })
  })

  test('breaks off in the middle of a query is said to have broken off', async () => {
    const { port: frontPort, sockets } = await front()
    const { port, passed } = await gate(open(frontPort))
    const client = await signIn(port)
    const query = client.query('select pg_sleep(60)').catch((error: unknown) => error)
    setTimeout(() => sockets.at(-1)?.far.resetAndDestroy(), 100)
    const told = { code: '08006', message: 'Leasehold: The database broke off.' }
    expect(await query).toMatchObject(told)
    expect(await passed()).toMatchObject({ endedBy: 'target' })
  })

  test('can not be reached is said not to be', async () => {
    const { port } = await gate(open(9))
    await expect(signIn(port)).rejects.toMatchObject({ code: '08006' })
  })

  test('lets in without a password, or asks for it in the clear, is told nothing', async () => {
    const ready = [message('R', 0), message('Z', Buffer.from('I'))]
    for (const first of [Buffer.concat(ready), message('R', 3), message('R', 5, 'salt')]) {
      const { port: wrong, heard } = await saying(first)
      const { port } = await gate(open(wrong))
      const told = { message: expect.stringContaining('does not ask for SCRAM-SHA-256') }
      await expect(signIn(port)).rejects.toMatchObject(told)
      expect(Buffer.concat(heard).toString('latin1')).not.toContain(order.secret)
    }
  })

  test('does not know the password itself, or hashes it in another way, gets no session', async () => {
    const swap = (from: RegExp, to: string) => (chunk: Buffer) =>
      Buffer.from(chunk.toString('latin1').replace(from, to), 'latin1')
    for (const change of [swap(/v=..../, 'v=AAAA'), swap(/i=4096/, 'i=9999')]) {
      const { port: frontPort } = await front(change)
      const { port } = await gate(open(frontPort))
      await expect(signIn(port)).rejects.toMatchObject({ message: /^Leasehold: / })
    }
  })
})

describe('a caller that does not read', () => {
  const much = `select repeat('x', 1000) as text from generate_series(1, 60000)`

  test('slows the target down, and loses nothing', async () => {
    const made = await front()
    const { port, passed } = await gate(open(made.port))
    const client = await signIn(port)
    const socket = (client as unknown as { connection: { stream: Socket } }).connection.stream
    const query = client.query(much)
    socket.pause()
    let before = -1
    await expect
      .poll(
        () => {
          const isStill = made.bytes === before && before > 0
          before = made.bytes
          return isStill
        },
        { interval: 150, timeout: 10_000 },
      )
      .toBe(true)
    // What the machine's own buffers hold, and not the sixty million bytes that are there.
    expect(made.bytes).toBeLessThan(30_000_000)
    socket.resume()
    expect((await query).rowCount).toBe(60_000)
    await client.end()
    expect(await passed()).toMatchObject({ rows: 60_000 })
  })

  test('is cut all the same', async () => {
    const { port, cut, passed } = await gate()
    const client = await signIn(port)
    const socket = (client as unknown as { connection: { stream: Socket } }).connection.stream
    client.query(much).catch(() => {})
    socket.pause()
    await new Promise(done => setTimeout(done, 300))
    cut()
    expect(await passed()).toMatchObject({ endedBy: 'us' })
  })
})

const hasOpenssl = (() => {
  try {
    return execFileSync('openssl', ['version']).length > 0
  } catch {
    return false
  }
})()

describe('over TLS', () => {
  /** In front of the server, as a server that has TLS. */
  async function tlsFront(pem: { key: string; cert: string }) {
    const secureContext = createSecureContext(pem)
    const server = createServer(raw => {
      raw.once('data', () => {
        raw.write('S')
        const near = new TLSSocket(raw, { isServer: true, secureContext })
        const far = connect(sales.server.port, '127.0.0.1')
        for (const [one, other] of [
          [near, far],
          [far, near],
        ] as const)
          one.on('error', () => {}).on('close', () => other.destroy())
        near.pipe(far).pipe(near)
      })
    })
    return listen(server)
  }

  test.skipIf(!hasOpenssl)(
    'the server’s certificate is checked before anything is said',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'leasehold-tls-'))
      closing.push(() => rmSync(folder, { recursive: true }))
      const make = (name: string) => {
        const files = { key: join(folder, `${name}.key`), cert: join(folder, `${name}.pem`) }
        const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1
        -subj /CN=${name} -addext subjectAltName=IP:127.0.0.1 -keyout ${files.key} -out ${files.cert}`
        execFileSync('openssl', words.split(/\s+/), { stdio: 'ignore' })
        return { key: readFileSync(files.key, 'utf8'), cert: readFileSync(files.cert, 'utf8') }
      }
      const [ours, other] = [make('ours'), make('other')]
      const good = await gate(open(await tlsFront(ours), { ca: ours.cert }))
      const client = await signIn(good.port)
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      const bad = await gate(open(await tlsFront(other), { ca: ours.cert }))
      await expect(signIn(bad.port)).rejects.toMatchObject({ code: '08006' })
    },
  )

  test('a server without it is refused', async () => {
    const { port: plain } = await saying(Buffer.from('N'))
    const { port } = await gate(open(plain, true))
    await expect(signIn(port)).rejects.toThrow('does not speak TLS')
    const { port: early } = await saying(Buffer.concat([Buffer.from('S'), message('R', 0)]))
    const stuffed = await gate(open(early, true))
    await expect(signIn(stuffed.port)).rejects.toThrow('does not speak TLS')
  })
})

test('whatever comes first, the connection ends and nobody is admitted', async () => {
  const { port, passed, admitted } = await gate()
  const words = fc.uint8Array({ maxLength: 64 })
  await fc.assert(
    fc.asyncProperty(words, fc.boolean(), async (bytes, isStart) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      const head = Buffer.from([0, 0, 0, 8 + bytes.length, 0, 3, 0, 0])
      socket.end(Buffer.concat([isStart ? head : Buffer.alloc(0), bytes]))
      socket.resume()
      await once(socket, 'close')
    }),
    { numRuns: 60 },
  )
  await passed()
  expect(admitted()).toBe(0)
})
