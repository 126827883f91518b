import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newKeys, tableOf } from '../../test/support/signed-log.ts'
import { newHome, run, type World } from './test/host.ts'
import { type Asked, problem, type Stub, startStub } from './test/stub.ts'
import * as views from './test/views.ts'
import { firstWords, modules, parseWords } from './words.ts'

let stub: Stub
let world: World
const config = { url: 'https://tracker.example/mcp', credential: { header: 'x', value: 's3cret' } }

const things: Record<string, object> = {
  'deal-desk': { type: 'app', id: views.app.id, path: '/v1/apps/deal-desk' },
  'L-7K2Q9': { type: 'lease', id: views.lease.id, path: '/v1/leases/L-7K2Q9' },
  'R-2040F': { type: 'request', id: views.request.id, path: '/v1/requests/R-2040F' },
  'G-G1XQD': { type: 'grant', id: views.grant.id, path: '/v1/grants/G-G1XQD' },
  'D-H1TWW': { type: 'decision', id: views.decision.id, path: '/v1/decisions/D-H1TWW' },
}

function thing({ path }: Asked) {
  const body = things[decodeURIComponent(path.split('/')[3] ?? '')]
  return body
    ? { body }
    : { status: 404, body: problem('not-found', 404, 'There is no such thing.') }
}

beforeAll(async () => {
  const answered = {
    ...views.request,
    state: 'agreed' as const,
    closedAt: '2026-11-22T14:30:00.000Z',
  }
  stub = await startStub({
    'GET /v1/keys': tableOf(newKeys()),
    'GET /v1/me': views.me,
    'GET /v1/doctor': {
      ok: false,
      checks: [
        { name: 'facts', ok: true, says: 'facts are 0.3 s old' },
        {
          name: 'target crm',
          ok: false,
          says: 'not reached for 4 min',
          next: 'leasehold resource ls',
        },
      ],
    },
    'GET /v1/apps': { items: [views.app, { ...views.app, slug: 'old', state: 'ended' }] },
    'POST /v1/apps': views.app,
    'GET /v1/apps/deal-desk': views.app,
    'POST /v1/apps/deal-desk/extend': views.app,
    'POST /v1/apps/deal-desk/transfer': { ...views.app, offeredTo: 'Tom Reyes' },
    'POST /v1/apps/deal-desk/accept': { ...views.app, owner: views.tom },
    'POST /v1/apps/deal-desk/pause': { ...views.app, state: 'paused' },
    'POST /v1/apps/deal-desk/resume': views.app,
    'POST /v1/apps/deal-desk/trust': { ...views.request, kind: 'trust' },
    'PUT /v1/apps/deal-desk/manifest': views.app,
    'POST /v1/apps/deal-desk/end': views.plan,
    'GET /v1/leases': { items: [views.lease] },
    'GET /v1/leases/L-7K2Q9': views.lease,
    'POST /v1/leases/L-7K2Q9/release': views.endedLease,
    'GET /v1/grants/G-G1XQD': views.grant,
    'POST /v1/grants/G-G1XQD/drop': { ...views.grant, state: 'dropped' },
    'POST /v1/grants/G-G1XQD/keep': views.grant,
    'GET /v1/requests': { items: [views.request] },
    'POST /v1/requests': views.request,
    'GET /v1/requests/R-2040F': views.request,
    [`POST /v1/requests/${views.request.id}/answer`]: answered,
    'POST /v1/requests/R-2040F/withdraw': { ...views.request, state: 'withdrawn' },
    'GET /v1/resources': { items: [views.resource] },
    'GET /v1/targets': { items: [views.target] },
    'POST /v1/targets': {
      ...views.target,
      preflightSteps: [
        { name: 'reached', ok: true },
        { name: 'credential accepted', ok: true, detail: 'status 200' },
      ],
    },
    'GET /v1/targets/tracker/tools': { items: views.tools },
    'GET /v1/resources/crm.deals/who': { items: [views.whoMay] },
    'POST /v1/targets/tracker/tools': { items: views.tools },
    'GET /v1/people': { items: [views.maya, { ...views.tom, roles: ['platform'] }] },
    'PUT /v1/people/Tom%20Reyes/roles': { ...views.tom, roles: ['security', 'auditor'] },
    'GET /v1/holds': { items: [views.hold] },
    'POST /v1/holds': views.hold,
    'POST /v1/holds/ho_1/lift': { ...views.hold, state: 'lifted' },
    'POST /v1/apps/deal-desk/enforce': views.app,
    'POST /v1/apps/deal-desk/watch': { ...views.request, kind: 'watch' },
    'GET /v1/found': { items: [views.found], unknown: 3, ownerless: 2, neverEnding: 1 },
    'POST /v1/found/U-7K2Q9/claim': { ...views.found, state: 'claimed', owner: 'Maya Ortiz' },
    'POST /v1/found/U-7K2Q9/adopt': {
      ...views.found,
      state: 'watched',
      isKnown: true,
      owner: 'Maya Ortiz',
      app: 'old-bot',
    },
    'GET /v1/findings': { items: [views.finding] },
    'GET /v1/residual': { items: [views.residual] },
    'GET /v1/apps/deal-desk/evidence': { items: [views.evidence] },
    'POST /v1/findings/F-F1000/answer': { ...views.finding, state: 'answered' },
    'GET /v1/decisions/D-H1TWW': views.decision,
    'GET /v1/decisions/D-WATCH': { ...views.decision, allowed: true, effect: 'watched' },
    [`GET /v1/decisions/${views.decision.id}`]: views.decision,
    'GET /v1/things/deal-desk': thing,
    'GET /v1/things/L-7K2Q9': thing,
    'GET /v1/things/R-2040F': thing,
    'GET /v1/things/G-G1XQD': thing,
    'GET /v1/things/D-H1TWW': thing,
    'GET /v1/trace/deal-desk': views.trace,
    'GET /v1/log': views.page,
    'GET /v1/log/14': views.page.entries[0],
    'POST /v1/policy/check': views.checked,
    'POST /v1/policy/try': views.replay,
    'POST /v1/policy/propose': { ...views.request, kind: 'policy', app: null },
  })
})
afterAll(async () => stub.stop())
beforeEach(() => {
  stub.asked.length = 0
  world = { home: newHome(), server: stub.url }
  writeFileSync(join(world.home, 'mcp.json'), JSON.stringify(config), { mode: 0o600 })
  return () => rm(world.home, { recursive: true })
})

const golden: [name: string, ...argv: string[]][] = [
  ['ls', 'ls'],
  ['status', 'status', 'deal-desk'],
  ['show-lease', 'show', 'L-7K2Q9'],
  ['show-request', 'request', 'show', 'R-2040F'],
  ['show-grant', 'show', 'G-G1XQD'],
  ['show-entry', 'show', '#14'],
  ['new', 'new', 'board of deals stuck > 14 days', '--backup', 'Tom Reyes', '--bare'],
  ['extend', 'extend', 'deal-desk', '--days', '7'],
  ['transfer', 'transfer', 'deal-desk', '--to', 'Tom Reyes'],
  ['accept', 'transfer', 'accept', 'deal-desk'],
  ['pause', 'pause', 'deal-desk', '--reason', 'odd'],
  ['resume', 'resume', 'deal-desk'],
  ['ask', 'ask', 'crm.deals:read', '--as', 'deal-desk', '--because', 'QBR numbers'],
  ['drop', 'drop', 'G-G1XQD'],
  ['keep', 'keep', 'G-G1XQD'],
  ['request-ls', 'request', 'ls'],
  ['request-withdraw', 'request', 'withdraw', 'R-2040F'],
  ['approve', 'approve', 'R-2040F', '--yes'],
  ['deny', 'deny', 'R-2040F', '--yes', '--comment', 'use the sandbox'],
  ['lease-ls', 'lease', 'ls'],
  ['lease-release', 'lease', 'release', 'L-7K2Q9'],
  ['resource-ls', 'resource', 'ls'],
  ['hold-ls', 'hold', 'ls'],
  ['hold-set', 'hold', 'set', 'app', 'deal-desk', '--reason', 'odd'],
  ['hold-lift', 'hold', 'lift', 'ho_1'],
  ['found', 'found'],
  ['claim', 'claim', 'U-7K2Q9'],
  ['adopt', 'adopt', 'U-7K2Q9', '--app', 'old-bot', '--purpose', 'nightly', '--watch', '7'],
  ['enforce', 'enforce', 'deal-desk'],
  ['watch', 'watch', 'deal-desk', '--days', '3', '--reason', 'the month end'],
  ['found-ls', 'found', 'ls'],
  ['residual', 'residual'],
  ['evidence', 'evidence', 'deal-desk'],
  ['evidence-no-file', 'evidence', 'deal-desk', 'lh_x', '--file', 'none.png', '--says', 'deleted'],
  ['found-answer', 'found', 'answer', 'F-F1000', 'restarted it'],
  ['trust-ls', 'trust', 'ls', 'deal-desk'],
  ['trust-add', 'trust', 'add', 'deal-desk', '--claim', 'repository_id=4711', '--reason', 'CI'],
  ['connect', 'connect', 'mcp', '--name', 'tracker', '--config', 'mcp.json'],
  ['connect-dry-run', 'connect', 'mcp', '--name', 'x', '--config', 'mcp.json', '--dry-run'],
  ['connect-ls', 'connect', 'ls'],
  ['tools-ls', 'tools', 'ls', 'tracker'],
  ['who', 'who', 'crm.deals'],
  ['tools-agree', 'tools', 'agree', 'tracker', '--yes'],
  ['person-ls', 'person', 'ls'],
  ['person-roles', 'person', 'roles', 'Tom Reyes', 'security,auditor'],
  ['why', 'why', '--as', 'deal-desk'],
  ['why-watched', 'why', 'D-WATCH'],
  ['log', 'log', 'deal-desk', '--kind', 'lease.issue'],
  ['trace', 'trace', 'deal-desk'],
  ['policy-check', 'policy', 'check'],
  ['whoami', 'whoami'],
  ['doctor', 'doctor'],
  ['end-dry-run', 'end', 'deal-desk', '--dry-run'],
  ['dry-run', 'pause', 'deal-desk', '--reason', 'odd', '--dry-run'],
  ['help', 'help'],
  ['help-all', 'help', 'all'],
  ['help-word', 'help', 'request'],
  ['typo', 'statsu'],
  ['not-found', 'show', 'X-1'],
]

describe('what is said', () => {
  test.each(golden)('%s looks as it does in its golden file', async (name, ...argv) => {
    const seen = await run({ ...world, tty: true }, ...argv)
    const piped = await run({ ...world, home: world.home }, ...argv)
    const text = [
      `$ leasehold ${argv.join(' ')}`,
      seen.seen,
      `exit ${seen.code}`,
      '',
      '--- in a pipe, stdout',
      piped.out,
      '--- in a pipe, stderr',
      piped.err,
    ].join('\n')
    await expect(text).toMatchFileSnapshot(`test/golden/${name}.txt`)
    expect(piped.code).toBe(seen.code)
  })

  test('every word has its verb, and is there once', async () => {
    const words = parseWords()
    for (const { verb } of words) {
      const [file = '', name = ''] = verb.split('.')
      expect(await modules[file]?.()).toHaveProperty(name)
    }
    expect(words.length).toBeGreaterThan(40)
    expect(new Set(words.map(word => word.name)).size).toBe(words.length)
  })

  test('the first screen has none of the words that need explaining', async () => {
    const { out } = await run(world, '--help')
    expect(out).not.toMatch(/\b(lease|grant|identity|policy)\b/)
    for (const word of firstWords) expect(out).toContain(`  ${word}`)
  })

  test('a success names one next command, on stderr, where it does not spoil a pipe', async () => {
    const { out, err } = await run(world, 'ls')
    expect(err).toBe('  Next: leasehold show deal-desk\n')
    expect(out).not.toContain('Next')
    expect((await run(world, 'ls', '--quiet')).err).toBe('')
  })

  test('a list in a pipe is one line a thing, its cells apart by tabs', async () => {
    const { out } = await run(world, 'ls')
    const rows = out
      .trimEnd()
      .split('\n')
      .map(line => line.split('\t'))
    expect(rows.map(row => row.length)).toEqual([6, 6, 6])
  })

  test('as JSON is one object with its schema, the contract inside', async () => {
    const { out, err } = await run(world, 'lease', 'show', 'L-7K2Q9', '--json')
    expect(JSON.parse(out)).toMatchObject({
      schema: 'leasehold/v1',
      status: 'ok',
      result: views.lease,
    })
    expect(err).toBe('')
  })

  test('to a terminal has colour on its glyphs alone, and to a pipe has none', async () => {
    const env = { NO_COLOR: '' }
    const seen = await run({ ...world, tty: true, env }, 'whoami')
    expect(seen.out).toContain('\u001b[32m●\u001b[39m Maya')
    expect(seen.out.split('\u001b')).toHaveLength(3)
    expect((await run({ ...world, env }, 'whoami')).out).not.toContain('\u001b')
    expect((await run({ ...world, tty: true }, 'whoami')).out).not.toContain('\u001b')
    expect(
      (await run({ ...world, tty: true, env: { ...env, TERM: 'dumb' } }, 'ls')).out,
    ).not.toContain('\u001b')
    const forced = await run({ ...world, env: { ...env, FORCE_COLOR: '1' } }, 'whoami')
    expect(forced.out).toContain('\u001b[32m')
    expect((await run({ ...world, tty: true, env }, 'whoami', '--plain')).out).toContain('* Maya')
  })

  test('the app is the one named, --as, or the one of the folder', async () => {
    const none = await run(world, 'status')
    expect(none).toMatchObject({ code: 2 })
    expect(none.err).toContain('Which app?')
    await run(world, 'new', 'board of deals', '--backup', 'Tom', '--bare')
    expect((await run(world, 'status')).out).toContain('deal-desk')
  })

  test('a name that is no single part of a path goes nowhere', async () => {
    for (const name of ['..', '.', '']) expect((await run(world, 'status', name)).code).toBe(2)
    await run(world, 'status', '../people')
    expect(stub.asked.at(-1)?.path).toBe('/v1/apps/..%2Fpeople')
  })

  test('an answer says what was on the screen: its hash goes with it', async () => {
    const seen = await run({ ...world, tty: true }, 'approve', 'R-2040F', '--yes')
    expect(seen.err).toContain(views.request.bodyHash)
    const sent = JSON.parse(stub.asked.at(-1)?.body ?? '{}') as object
    expect(sent).toEqual({ says: 'yes', bodyHash: views.request.bodyHash })
  })

  test('what is asked for is said as resource:action, or with flags', async () => {
    const sent = async (...words: string[]) => {
      await run(world, 'ask', ...words, '--as', 'deal-desk', '--because', 'x')
      return JSON.parse(stub.asked.at(-1)?.body ?? '{}') as object
    }
    const both = { resource: 'crm.deals', actions: ['read', 'write'] }
    expect(await sent('crm.deals')).toMatchObject({ resource: 'crm.deals', actions: ['read'] })
    expect(await sent('crm.deals:read,write', '--role', 'run,agent')).toMatchObject({
      ...both,
      roles: ['run', 'agent'],
      unattended: false,
    })
    expect(await sent('crm.deals', '--read', '--write')).toMatchObject(both)
    expect((await run(world, 'ask', 'a:b:c', '--as', 'deal-desk', '--because', 'x')).code).toBe(2)
  })

  test('what may be used at most is said with its unit, of one task or of one day', async () => {
    const ask = (most: string) =>
      run(world, 'ask', 'crm.deals', '--as', 'deal-desk', '--because', 'x', '--at-most', most)
    const sent = async (most: string) => {
      await ask(most)
      return JSON.parse(stub.asked.at(-1)?.body ?? '{}').budget as object
    }
    expect(await sent('100 calls/day')).toEqual({ per: 'day', calls: 100 })
    expect(await sent('1 call/task, 5000 rows/task,20.5 dollars/task')).toEqual({
      per: 'task',
      calls: 1,
      rows: 5000,
      spendCents: 2050,
    })
    for (const odd of ['100', '100 calls', '1 call/day, 5 rows/task', '5 euros/day', '-1 rows/day'])
      expect(await ask(odd)).toMatchObject({ code: 2, err: expect.stringContaining(odd) })
  })

  test('a request that is agreed at once is no waiting', async () => {
    const kept = stub.answers['POST /v1/requests']
    stub.answers['POST /v1/requests'] = { ...views.request, state: 'agreed' }
    const said = await run(world, 'ask', 'crm.deals', '--as', 'deal-desk', '--because', 'x')
    stub.answers['POST /v1/requests'] = kept
    expect(said).toMatchObject({ code: 0 })
    expect(said.out).toContain('● agreed: deal-desk may read crm.deals')
    expect(said.err).toContain('Next: leasehold status deal-desk')
  })

  test('a person who may be trusted is so as owner and backup', async () => {
    await run(world, 'trust', 'add', 'deal-desk', '--preset', 'person', '--reason', 'mine')
    expect(JSON.parse(stub.asked.at(-1)?.body ?? '{}')).toMatchObject({
      claims: { as: ['owner', 'backup'] },
    })
  })

  test('with --dry-run nothing is sent that changes anything', async () => {
    const words = [
      'pause deal-desk --reason x',
      'resume deal-desk',
      'drop G-G1XQD',
      'keep G-G1XQD',
      'hold lift ho_1',
    ]
    for (const word of [...words, 'extend deal-desk --days 3', 'end deal-desk'])
      expect((await run(world, ...word.split(' '), '--dry-run')).code).toBe(0)
    const changing = stub.asked.filter(({ method, body }) => method !== 'GET' && body !== '{}')
    expect(changing).toEqual([])
  })
})
