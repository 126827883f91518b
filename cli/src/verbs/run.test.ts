import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { IssuedLeaseView } from '../../../src/doors/api/contract.ts'
import {
  closed,
  ended,
  main,
  proxied,
  runAnswers,
  signedInHome,
  startCli,
} from '../test/running.ts'
import { type Asked, problem, type Stub, startStub } from '../test/stub.ts'
import * as views from '../test/views.ts'

/** Made here, never a real one. */
const secret = `s3cr/t ${Math.random()}`
let stub: Stub
let home: string

const need = ['run', '--as', 'deal-desk', '--need', 'crm.deals:read', '--']
const node = (code: string) => [process.execPath, '-e', code]
const start = (argv: readonly string[], env = {}) => startCli({ stub, home, env }, argv)
const run = async (command: readonly string[], env = {}) => ended(start([...need, ...command], env))
const paths = () => stub.asked.map(({ method, path }) => `${method} ${path}`)

beforeAll(async () => {
  stub = await startStub(runAnswers(secret))
})
afterAll(async () => stub.stop())
beforeEach(async () => {
  stub.asked.length = 0
  home = await signedInHome(stub)
  return () => rm(home, { recursive: true })
})

describe('a command that runs', () => {
  test.each([0, 1, 3, 42, 255])('ends with its own code %i', async code => {
    expect(await run(node(`process.exit(${code})`))).toMatchObject({ code, signal: null })
    expect(paths().at(-1)).toBe(closed)
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGKILL', 'SIGHUP'])(
    'that dies of %s: so do we',
    async signal => {
      const ran = await run(
        node(`process.kill(process.pid, '${signal}'); setTimeout(() => {}, 9e3)`),
      )
      expect(ran).toMatchObject({ code: null, signal })
      expect(paths().at(-1)).toBe(closed)
    },
  )

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const)(
    'gets %s that was sent to us, and may answer it as it likes',
    async signal => {
      const child = start([
        ...need,
        ...node(
          `process.on('${signal}', () => process.exit(42)); console.log('up'); setInterval(() => {}, 9e3)`,
        ),
      ])
      const end = ended(child)
      await once(child.stdout ?? child, 'data')
      child.kill(signal)
      expect(await end).toMatchObject({ code: 42 })
      expect(paths().at(-1)).toBe(closed)
    },
  )

  test('may be told twice to stop', async () => {
    const code = `let n = 0; process.on('SIGINT', () => ++n > 1 && process.exit(7));
      console.log('up'); setInterval(() => {}, 9e3)`
    const child = start([...need, ...node(code)])
    const end = ended(child)
    await once(child.stdout ?? child, 'data')
    child.kill('SIGINT')
    setTimeout(() => child.kill('SIGINT'), 300)
    expect(await end).toMatchObject({ code: 7 })
  })

  test('has our input, and its output is untouched', async () => {
    const code = `process.stdin.pipe(process.stdout); process.stderr.write('own')`
    const ran = await ended(start([...need, ...node(code)]), 'a\u001b[31mb\n')
    expect(ran).toMatchObject({ code: 0, out: 'a\u001b[31mb\n' })
    expect(ran.err).toContain('own')
  })

  test('may say very much', async () => {
    const ran = await run(node(`process.stdout.write('x'.repeat(8e6))`))
    expect(ran).toMatchObject({ code: 0 })
    expect(ran.out).toHaveLength(8e6)
  })

  // `script` of other systems takes other words.
  test.skipIf(process.platform !== 'linux')('at a terminal has that terminal', async () => {
    const code = `process.exit(process.stdout.isTTY && process.stdin.isTTY ? 5 : 6)`
    const words = [process.execPath, main, ...need, ...node(code)]
    const line = words.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
    const env = { ...process.env, HOME: home, LEASEHOLD_SERVER: stub.url }
    const child = spawn('script', ['-qec', line, '/dev/null'], { cwd: home, env })
    expect(await ended(child)).toMatchObject({ code: 5 })
  })

  test('has the database in its environment alone, and nothing of ours', async () => {
    const code = `console.log(JSON.stringify({ env: process.env, argv: process.argv, umask: process.umask() }))`
    const stale = {
      PGPASSWORD: 'old',
      PGSERVICE: 'old',
      DATABASE_URL: 'old',
      LEASEHOLD_X: 'y',
      MINE: '1',
    }
    const { out, err } = await run(node(code), stale)
    const seen = JSON.parse(out) as { env: Record<string, string>; argv: string[]; umask: number }
    const url = new URL(seen.env['DATABASE_URL'] ?? '')
    expect(decodeURIComponent(url.password)).toBe(secret)
    expect(`${url.username}@${url.host}${url.pathname}`).toBe(
      'lh_deal_desk_7k2q@127.0.0.1:5432/crm',
    )
    expect(seen.env).toMatchObject({
      PGHOST: '127.0.0.1',
      PGPORT: '5432',
      PGDATABASE: 'crm',
      PGUSER: 'lh_deal_desk_7k2q',
      PGPASSWORD: secret,
      DATABASE_URL_CRM_DEALS: seen.env['DATABASE_URL'],
      MINE: '1',
    })
    expect(Object.keys(seen.env).filter(name => /^LEASEHOLD|PGPASSFILE/.test(name))).toEqual([])
    expect(seen.env['PGSERVICE']).toBe('crm.deals')
    expect(JSON.stringify(seen.argv) + err).not.toContain(secret)
    expect(seen.umask).toBe(process.umask())
  })

  test('is told what it has and what became of it, on stderr', async () => {
    const { err, out } = await run(['true'])
    expect(out).toBe('')
    expect(err).toMatch(/● L-7K2Q9 crm\.deals:read · for this command · .*\n/)
    expect(err).toMatch(/○ L-7K2Q9 released after \d+ s · ● verified gone · .* trace T-T91C0\n/)
  })
})

describe('a task', () => {
  test("is opened on the person's behalf, for one purpose, as the app's identity", async () => {
    await run(['true'])
    const exchange = stub.asked.find(({ path }) => path === '/oauth/token')
    expect(Object.fromEntries(new URLSearchParams(exchange?.body))).toEqual({
      client_id: 'leasehold-cli',
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'person-token',
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      scope: 'board',
      identity: 'deal-desk/run',
      run: expect.stringMatching(/^[\w-]{36}$/),
    })
    const tokens = stub.asked.map(({ path, token }) => [path, token])
    expect(tokens).toContainEqual(['/v1/leases', 'task-token'])
    expect(tokens).toContainEqual(['/v1/tasks/T-T91C0/close', 'task-token'])
  })

  test("of an agent is the app's agent's", async () => {
    await run(['true'], { CLAUDECODE: '1' })
    const exchange = stub.asked.find(({ path }) => path === '/oauth/token')
    expect(new URLSearchParams(exchange?.body).get('identity')).toBe('deal-desk/agent')
  })

  test('is closed by the person where its own token has ended', async () => {
    const kept = stub.answers[closed]
    stub.answers[closed] = ({ token }: Asked) =>
      token === 'person-token'
        ? { body: kept }
        : { status: 401, body: problem('token-refused', 401, 'x') }
    const { code, err } = await run(['true'])
    stub.answers[closed] = kept
    expect(code).toBe(0)
    expect(err).toContain('verified gone')
  })

  test('that can not be closed now does not change how the command ended', async () => {
    const kept = stub.answers[closed]
    stub.answers[closed] = () => ({ status: 503, body: problem('store-unavailable', 503, 'x') })
    const { code, err } = await run(node('process.exit(3)'))
    stub.answers[closed] = kept
    expect(code).toBe(3)
    expect(err).toContain('not released yet: the server ends it by itself')
  })

  test('that ended meanwhile is not opened again: what the exchange opens instead is closed, once', async () => {
    const kept = stub.answers['POST /oauth/token']
    let exchanged = 0
    stub.answers['POST /oauth/token'] = () => {
      const which = exchanged++ === 0 ? ['T-T91C0', 'task-token'] : ['T-NEW00', 'new-token']
      return { body: { access_token: which[1], expires_in: 20, task: which[0] } }
    }
    stub.answers['POST /v1/tasks/T-NEW00/close'] = stub.answers[closed]
    const { code } = await run(['true'])
    stub.answers['POST /oauth/token'] = kept
    expect(code).toBe(0)
    expect(exchanged).toBe(2)
    const closes = stub.asked.filter(({ path }) => path.endsWith('/close'))
    expect(closes.map(({ path, token }) => [path.split('/')[3], token])).toEqual([
      ['T-NEW00', 'new-token'],
      ['T-T91C0', 'task-token'],
    ])
  })

  test('gets another term in time, while its command runs', async () => {
    const soon = { ...views.lease, termEndsAt: new Date(Date.now() + 1500).toISOString() }
    const kept = stub.answers['POST /v1/leases'] as IssuedLeaseView
    stub.answers['POST /v1/leases'] = { ...kept, lease: soon }
    const renew = `POST /v1/leases/${views.lease.id}/renew`
    stub.answers[renew] = { ...soon, termEndsAt: new Date(Date.now() + 3_600_000).toISOString() }
    await run(node('setTimeout(() => {}, 2500)'))
    stub.answers['POST /v1/leases'] = kept
    expect(paths().filter(path => path === renew)).toHaveLength(1)
    expect(stub.asked.find(({ path }) => path.endsWith('/renew'))?.token).toBe('task-token')
  })
})

describe('a lease through the gateway', () => {
  const word = `w0rd ${Math.random()}`
  const withProxy = async <T>(work: () => Promise<T>): Promise<T> => {
    const kept = stub.answers['POST /v1/leases']
    stub.answers['POST /v1/leases'] = proxied(word)
    return work().finally(() => {
      stub.answers['POST /v1/leases'] = kept
    })
  }

  test('is what is asked for where nothing is said, and a door of ours is in the environment', async () => {
    const { out } = await withProxy(() => run(node('console.log(JSON.stringify(process.env))')))
    const seen = JSON.parse(out) as Record<string, string>
    const url = new URL(seen['DATABASE_URL'] ?? '')
    expect(decodeURIComponent(url.password)).toBe(word)
    expect(`${url.username}@${url.hostname}${url.pathname}`).toBe('lh_deal_desk_7k2q@127.0.0.1/crm')
    expect(seen).toMatchObject({ PGPORT: url.port, PGHOST: '127.0.0.1', PGSSLMODE: 'disable' })
    const asked = stub.asked.find(({ path }) => path === '/v1/leases')
    expect(JSON.parse(asked?.body ?? '')).toEqual({ resource: 'crm.deals', actions: ['read'] })
  })

  test('that can not be carried is said on stderr, and the connection ends', async () => {
    const code = `const { connect } = require('node:net')
      connect(process.env.PGPORT, '127.0.0.1').on('close', () => process.exit(4)).resume()`
    const { code: exit, err } = await withProxy(() => run(node(code)))
    expect(exit).toBe(4)
    expect(err).toMatch(/✕ L-7K2Q9 \S/)
    const tunnel = stub.asked.find(({ path }) => path.endsWith('/tunnel'))
    expect(tunnel).toMatchObject({
      token: 'task-token',
      path: `/v1/leases/${views.lease.id}/tunnel`,
    })
  })
})

describe('a run longer than its token lives', () => {
  const exchanges = () => stub.asked.filter(({ path }) => path === '/oauth/token')

  test.each([
    ['goes on with another one of the same task', 'T-T91C0', 'second'],
    ['does not go on with one of another task', 'T-OTHER', 'first'],
  ])('%s', async (_, task, used) => {
    const kept = stub.answers['POST /oauth/token']
    stub.answers['POST /oauth/token'] = () => {
      const isFirst = exchanges().length <= 1
      const token = { access_token: isFirst ? 'first' : 'second', expires_in: 20 }
      return { body: { ...token, task: isFirst ? 'T-T91C0' : task } }
    }
    const { code } = await run(node('0'))
    stub.answers['POST /oauth/token'] = kept
    expect(code).toBe(0)
    const runs = exchanges().map(({ body }) => new URLSearchParams(body).get('run'))
    expect([runs.length > 1, new Set(runs).size]).toEqual([true, 1])
    expect(stub.asked.find(({ path }) => path === '/v1/tasks/T-T91C0/close')?.token).toBe(used)
  })
})

describe('a command that is not run', () => {
  test('because there is none of that name is 127, and what it would have had is gone', async () => {
    const { code, err } = await run(['no-such-command-here'])
    expect(code).toBe(127)
    expect(err).toContain('`no-such-command-here` not found. Leasehold started fine')
    expect(err).toContain('LH-RUN-03')
    expect(paths().at(-1)).toBe(closed)
  })

  test('because its shell emptied one of its words is 125, with the way to write it', async () => {
    const { code, err } = await run(['echo', ''])
    expect(code).toBe(125)
    expect(err).toContain('LH-RUN-04')
    expect(stub.asked).toEqual([])
  })

  test('because nothing was named, or the server can not decide now, is 125; signed out is 77', async () => {
    expect(await run([])).toMatchObject({ code: 125 })
    const away = { LEASEHOLD_SERVER: 'http://127.0.0.1:9' }
    const { code, err } = await run(['true'], away)
    expect(code).toBe(77)
    expect(err).toContain('LH-AUTH-01')
    const kept = stub.answers['POST /v1/leases']
    stub.answers['POST /v1/leases'] = () => ({
      status: 503,
      body: problem('stale', 503, 'Too old.'),
    })
    expect(await run(['true'])).toMatchObject({ code: 125 })
    stub.answers['POST /v1/leases'] = kept
  })

  test('because the app may not even open a task is 65, and the decision is named', async () => {
    const kept = stub.answers['POST /oauth/token']
    const error = {
      error: 'access_denied',
      error_description: 'It is paused.',
      decision: 'D-QF9XN',
    }
    stub.answers['POST /oauth/token'] = () => ({ status: 403, body: error })
    const { code, err } = await run(['true'])
    stub.answers['POST /oauth/token'] = kept
    expect(code).toBe(65)
    expect(err).toContain('✕ It is paused.')
    expect(err).toContain('Ref   D-QF9XN')
  })

  test('because it was denied is 65, says why, and leaves no task open', async () => {
    const kept = stub.answers['POST /v1/leases']
    const { denial } = views
    stub.answers['POST /v1/leases'] = () => ({
      status: 403,
      body: problem('denied', 403, denial.says, { denial }),
    })
    const { code, err, out } = await run(['echo', 'ran'])
    stub.answers['POST /v1/leases'] = kept
    expect(code).toBe(65)
    expect(out).toBe('')
    expect(err).toContain('customer-data-write')
    expect(paths().at(-1)).toBe(closed)
  })
})

describe('files', () => {
  test('are of the person alone whatever the umask, the cache of a clone too', async () => {
    const lh = resolve(import.meta.dirname, '../../../lh')
    const profiles = join(home, '.config/leasehold')
    await rm(profiles, { recursive: true })
    stub.answers['GET /v1/keys'] = () => ({ status: 500, body: problem('internal', 500, 'x') })
    const env = { PATH: process.env['PATH'], HOME: home, LEASEHOLD_SERVER: stub.url }
    const words = `umask 000; '${lh}' new 'a board of deals' --backup Tom --bare; '${lh}' --version`
    stub.answers['POST /v1/apps'] = views.app
    await ended(spawn('sh', ['-c', words], { cwd: home, env }))
    expect((await stat(join(home, '.cache/leasehold'))).mode & 0o777).toBe(0o700)
    expect((await stat(join(home, 'leasehold.yaml'))).mode & 0o077).toBe(0)
    expect(await readFile(join(home, 'leasehold.yaml'), 'utf8')).toBe('app: deal-desk\n')
  })
})
