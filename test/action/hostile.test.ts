/** The action before a server that is down, is not ours, or wishes the job ill. */

import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type GithubIssuer, startGithubIssuer } from '../fakes/github-issuer.ts'
import { type Runner, startRunner } from './runner.ts'

let github: GithubIssuer
let runner: Runner
let server: Server | undefined

beforeAll(async () => {
  github = await startGithubIssuer()
  runner = await startRunner(github, () => ({}))
})
afterAll(async () => {
  await runner?.stop()
  await github?.stop()
})
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** A server that answers as it likes; what the action was told, and its own address. */
async function before(answer: RequestListener) {
  const address = await listening(answer)
  const inputs = {
    server: address,
    as: 'desk/run',
    purpose: 'look',
    need: 'crm.deals:read',
    wait: '0',
  }
  return runner.step('main', inputs)
}

/** An address that was free a moment ago. */
async function nobodyAt(): Promise<string> {
  const address = await listening(() => {})
  server?.close()
  return address
}

async function listening(answer: RequestListener): Promise<string> {
  server = createServer(answer)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const evil =
  'x\n::set-env name=NODE_OPTIONS::--require=/tmp/x\n##[add-path]/tmp\r\n::stop-commands::y'
const later = new Date(Date.now() + 300_000).toISOString()

/** Ours, as far as an answer of its own goes over one of these. */
function like(over: Readonly<Record<string, unknown>>, status = 200): RequestListener {
  return (req, res) => {
    const host = `http://${req.headers.host}`
    const path = (req.url ?? '').replace(/\?.*/, '')
    const lease = {
      id: 'ls_1',
      shortId: 'L-1',
      resource: 'crm.deals',
      termEndsAt: later,
      endsAt: later,
    }
    const handle = {
      via: 'proxy',
      word: 'w'.repeat(43),
      connect: { database: 'crm', user: 'u' },
      termEndsAt: later,
    }
    const answers: Record<string, unknown> = {
      '/v1/installation': { issuer: host },
      '/.well-known/openid-configuration': { token_endpoint: `${host}/oauth/token` },
      '/oauth/token': { access_token: 'a.b.c', task: 'T-1', expires_in: 300, token_type: 'Bearer' },
      '/v1/leases': { lease, handle },
    }
    const isOver = Object.hasOwn(over, path)
    res.writeHead(isOver ? status : 200, { 'content-type': 'application/json' })
    res.end(JSON.stringify((isOver ? over[path] : answers[path]) ?? {}))
  }
}

/** What a runner would take for a command, in any of its two forms. */
function commandsIn(out: string): string[] {
  return out.split('\n').filter(line => line.startsWith('::') || line.includes('##['))
}

test('a server that is down is named, with what to do', async () => {
  const inputs = {
    server: await nobodyAt(),
    as: 'desk',
    purpose: 'look',
    need: 'crm.deals',
    wait: '0',
  }
  const { code, out, env, state } = await runner.step('main', inputs)
  expect([code, env, state['folder']]).toEqual([1, {}, ''])
  expect(out).toMatch(/Cannot reach 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/)
  expect(out).toContain('::error title=Leasehold')
})

test('the pretend server is taken for ours, where it behaves', async () => {
  const { code, env, state } = await before(like({}))
  expect([code, env['PGDATABASE'], env['PGPASSWORD']]).toEqual([0, 'crm', 'w'.repeat(43)])
  expect(state['folder']).not.toBe('')
})

test.each([
  [
    'a refusal',
    { '/oauth/token': { error: 'x', error_description: evil, next: '::add-path::/tmp' } },
    400,
  ],
  [
    'a denial',
    {
      '/v1/leases': {
        code: 'denied',
        detail: evil,
        denial: {
          shortId: evil,
          what: evil,
          rule: evil,
          says: evil,
          wouldPassIf: evil,
          because: [],
          instead: [{ says: evil, command: evil }],
        },
      },
    },
    403,
  ],
])('%s that holds commands of the runner runs none', async (_, over, status) => {
  const { code, out, env, summary } = await before(like(over, status))
  expect([code, env]).toEqual([1, {}])
  const commands = commandsIn(out)
  expect(commands.filter(line => !/^::(group|endgroup|error) ?[^:]*::/.test(line))).toEqual([])
  expect(commands.join()).not.toContain('##[')
  // Of many lines it is one command.
  expect(commands.find(line => line.startsWith('::error'))).toContain('%0A')
  expect(summary).not.toMatch(/[<>]|\]\(|##\[/)
})

test('a value that holds a second one for the runner’s files is refused whole', async () => {
  const lease = { id: 'ls_1', shortId: 'L-1', resource: 'crm.deals', termEndsAt: later }
  const connect = { database: 'crm\nNODE_OPTIONS=--require=/tmp/x', user: 'u' }
  const handle = { via: 'proxy', word: 'w'.repeat(43), connect, termEndsAt: later }
  const { code, env, out } = await before(like({ '/v1/leases': { lease, handle } }))
  expect([code, env['NODE_OPTIONS'], env['PGDATABASE']]).toEqual([1, undefined, undefined])
  expect(out).toContain('PGDATABASE')
})

test('a name of a task that breaks its line stays a value', async () => {
  const task = { access_token: 'a.b.c', task: 'T-1\nGITHUB_X=1\n', expires_in: 300 }
  const { outputs, state } = await before(like({ '/oauth/token': task }))
  expect(Object.keys(outputs).toSorted()).toEqual(['task', 'trace'])
  expect(Object.keys(state).toSorted()).toEqual(['folder', 'since'])
})

test('an answer that does not end is left', async () => {
  const { code, out, env } = await before((_, res) => {
    res.writeHead(200, { 'content-type': 'application/json' })
    const part = 'x'.repeat(1024 * 1024)
    const more = (): void => void res.write(part, () => res.destroyed || setImmediate(more))
    more()
  })
  expect([code, env]).toEqual([1, {}])
  expect(out).toContain('Cannot reach')
})

test('a redirect is not followed, and who it leads to gets no token', async () => {
  const seen: string[] = []
  const other = createServer((req, res) => {
    seen.push(String(req.headers.authorization))
    res.end('{}')
  })
  await once(other.listen(0, '127.0.0.1'), 'listening')
  const { port } = other.address() as AddressInfo
  const { code, out } = await before((_, res) => {
    res.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end()
  })
  other.close()
  expect([code, seen]).toEqual([1, []])
  expect(out).toContain('leads to another place')
})

test('a server that goes by another’s address is given no token for it', async () => {
  const asked = runner.asked.length
  const { code, out } = await before(
    like({ '/v1/installation': { issuer: 'https://other.example' } }),
  )
  expect([code, runner.asked.length]).toEqual([1, asked])
  expect(out).toContain('wants you to sign in at another server')
})

test('a lease without its parts is a fault that shows nothing', async () => {
  const { code, out, env } = await before(like({ '/v1/leases': { lease: {}, handle: {} } }))
  expect([code, env]).toEqual([1, {}])
  expect(out).toContain('bug of ours')
})
