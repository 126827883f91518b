import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  apiAudience,
  changeApp,
  ciToken,
  githubRule,
  identityOf,
  personToken,
  someApp,
  trusting,
} from '../../../test/support/attested.ts'
import { testPermit } from '../../../test/support/permit.ts'
import {
  ask,
  endWorld,
  issued,
  type TokenWorld,
  tokenWorld,
} from '../../../test/support/token-world.ts'
import { seen } from '../../../test/support/world.ts'
import { listTasks } from '../../life/lists/lists.ts'
import { writeIssued } from '../../life/token/form.ts'
import { sha256Hex } from '../base/hash.ts'
import { newId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addSeconds, fromMs, msBetween } from '../base/time.ts'
import { everything } from '../hold/hold.ts'
import { liftHold, setHold } from '../hold/set.ts'
import { revokeIdentity } from '../identity/identities.ts'
import { closeTask } from '../task/close.ts'
import type { IssuedToken } from './exchange.ts'

let world: TokenWorld

interface Entry {
  kind: string
  facts: string
  words: string | null
  leaf: string
  subjects: string[]
}
const entries = () =>
  world.store.query<Entry>(
    'select kind, facts, words, leaf, subjects from ledger_inbox order by id desc',
  )
const count = async (table: string) =>
  (await world.store.query<{ n: number }>(`select count(*)::int as n from ${table}`))[0]?.n
const lastEntry = async () => {
  const [last] = await entries()
  if (last === undefined) throw new Error('no entry')
  return last
}
function said(token: string): Record<string, unknown> {
  const [, body = ''] = token.split('.')
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
}

describe('an attested run', () => {
  beforeAll(async () => {
    world = await tokenWorld()
  })
  afterAll(() => endWorld(world))
  // Each test is a run of its own.
  let runs = 0
  beforeEach(() => void runs++)
  const token = (more = {}) => ciToken(world, { run_id: String(runs), ...more })
  const taskOf = async ({ row }: IssuedToken) =>
    (await listTasks(world.store, { appId: row.appId })).find(({ id }) => id === row.taskId)

  test('gets a token for one task, one purpose and one audience', async () => {
    const given = await issued(world, await token())
    const task = await taskOf(given)
    expect(said(given.accessToken)).toEqual({
      iss: world.issuer,
      sub: 'spiffe://example.com/app/deal-desk/run',
      aud: apiAudience,
      iat: Date.parse(world.clock.now()) / 1000,
      exp: Date.parse(addSeconds(world.clock.now(), limits.unattendedTokenSeconds)) / 1000,
      jti: given.row.id,
      client_id: world.run.id,
      txn: task?.id,
      scope: 'board',
      'https://leasehold.dev/work': { app: world.app.id, autonomy: 'unattended' },
    })
    expect(task).toMatchObject({ kind: 'job', autonomy: 'unattended', onBehalfOf: null })
    expect(writeIssued(given)).toMatchObject({
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'board',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    })
  })

  test('leaves one entry with the hash of the token, where it came from, and no name in the facts', async () => {
    const before = await count('ledger_inbox')
    const assertion = await token()
    const given = await issued(world, assertion)
    expect(await count('ledger_inbox')).toBe(Number(before) + 1)
    const entry = await lastEntry()
    expect(entry.kind).toBe('token.exchange')
    expect(entry.facts).toContain(sha256Hex(given.accessToken))
    expect(entry.facts).toContain(`"run":"${runs}"`)
    expect(entry.words).toContain('acme/deal-desk')
    expect(entry.facts + entry.leaf).not.toMatch(/acme|maya|refs\/heads/)
    expect(entry.subjects).toEqual(
      expect.arrayContaining([given.row.id, given.row.taskId, world.run.id]),
    )
    expect(JSON.parse(entry.facts)).toMatchObject({ decisions: [{ id: expect.any(String) }] })
  })

  test('leaves neither its own token nor ours anywhere in the database', async () => {
    const assertion = await token()
    const { accessToken } = await issued(world, assertion)
    const tables = ['ledger_inbox', 'token', 'task', 'seen_assertion', 'decision']
    for (const table of tables) {
      const rows = await world.store.query(`select * from ${table}`)
      for (const secret of [
        assertion,
        accessToken,
        ...assertion.split('.'),
        ...accessToken.split('.'),
      ])
        expect(JSON.stringify(rows)).not.toContain(secret)
    }
  })

  test('joins the task its run has open, and opens another for another purpose or run', async () => {
    const first = await issued(world, await token())
    const same = await issued(world, await token())
    expect(same.row.taskId).toBe(first.row.taskId)
    expect(same.row.id).not.toBe(first.row.id)
    const purpose = await issued(world, await token(), { purpose: 'refresh' })
    const run = await issued(world, await token({ run_id: 'another' }))
    expect(new Set([first, purpose, run].map(({ row }) => row.taskId)).size).toBe(3)
  })

  test('joins also when another call opened the task at the same moment', async () => {
    const tokens = await Promise.all([token(), token(), token()])
    const answers = await Promise.all(tokens.map(token => issued(world, token)))
    const tasks = new Set(answers.map(answer => answer.row.taskId))
    expect(tasks.size).toBe(1)
    for (const { accessToken, row } of answers) {
      expect(said(accessToken)['txn']).toBe(row.taskId)
      expect(row.hash).toBe(sha256Hex(accessToken))
    }
  })

  test('does not join a task that is closed', async () => {
    const first = await issued(world, await token())
    const { taskId } = first.row
    await closeTask(world, testPermit('task.close', world.run.id, taskId), {
      taskId,
      because: 'done',
    })
    expect((await issued(world, await token())).row.taskId).not.toBe(taskId)
  })

  test('gets one token for one assertion, of fifty who bring it at once', async () => {
    const [tokens, tasks] = [await count('token'), await count('task')]
    const assertion = await token()
    world.counted.length = 0
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(world, assertion)))
    const kinds = answers.map(answer => answer.kind).sort()
    expect(kinds).toEqual(['issued', ...Array.from({ length: 49 }, () => 'refused')])
    expect(await count('token')).toBe(Number(tokens) + 1)
    expect(await count('task')).toBe(Number(tasks) + 1)
    expect(world.counted).toEqual(Array.from({ length: 49 }, () => `${world.github.issuer} used`))
    const refused = answers.find(answer => answer.kind === 'refused')
    expect(refused).toMatchObject({ refusal: { says: expect.stringMatching(/used once already/) } })
  })

  test('is refused with an assertion that was used, then and later', async () => {
    const assertion = await token()
    await issued(world, assertion)
    world.clock.advance(1_000)
    const tokens = await count('token')
    const again = await ask(world, assertion)
    expect(again).toMatchObject({ kind: 'refused', refusal: { refused: 'used' } })
    expect(await count('token')).toBe(tokens)
  })

  test('is never outlived: the token ends with its task, and the task with its app', async () => {
    const { endsAt } = world.app
    world.clock.advance(msBetween(world.clock.now(), endsAt) - 61_500)
    await seen(world, world.app.ownerId)
    const given = await issued(world, await token())
    expect(given.row.expiresAt).toBe(fromMs(Math.floor(Date.parse(endsAt) / 1000) * 1000))
    expect(given.expiresIn).toBe(62)
    const task = await taskOf(given)
    expect(task?.endsAt).toBe(endsAt)
  })
})

describe('a run that proves nothing', () => {
  beforeAll(async () => {
    world = await tokenWorld()
  })
  afterAll(() => endWorld(world))

  test('is counted by its registered issuer and a word of ours, and writes no entry', async () => {
    const before = await count('ledger_inbox')
    const fork = await ciToken(world, { repository_owner_id: '9001' })
    expect(await ask(world, fork)).toMatchObject({
      kind: 'refused',
      refusal: { says: 'its token says repository_owner_id 9001, the trust rule says 4711' },
    })
    await ask(world, await ciToken(world, { iss: 'https://evil.example/\u202e' }))
    await ask(world, 'a.b')
    await ask(world, '.'.repeat(1 << 20))
    const { issuer } = world.github
    expect(world.counted).toEqual([
      `${issuer} claims`,
      'nobody issuer',
      'nobody malformed',
      'nobody malformed',
    ])
    expect(await count('ledger_inbox')).toBe(before)
    expect(await count('token')).toBe(0)
    expect(await count('seen_assertion')).toBe(0)
  })

  test('is not refused but put off while its issuer can not be asked', async () => {
    world.clock.advance(limits.jwksMaxAgeMs)
    world.github.behave('down')
    const token = await ciToken(world)
    await expect(ask(world, token)).rejects.toMatchObject({ code: 'issuer-unavailable' })
    expect(world.counted.at(-1)).toBe('nobody unavailable')
    expect(await count('seen_assertion')).toBe(0)
  })
})

describe('a denial', () => {
  beforeAll(async () => {
    world = await tokenWorld()
  })
  afterAll(() => endWorld(world))

  test('for a purpose the manifest lacks is a value with the rule, and one entry', async () => {
    const before = Number(await count('ledger_inbox'))
    const decisions = Number(await count('decision'))
    const answer = await ask(world, await ciToken(world), { purpose: 'mining' })
    expect(answer).toMatchObject({ kind: 'denied', denial: { rule: expect.any(String) } })
    expect(await count('ledger_inbox')).toBe(before + 1)
    expect(await lastEntry()).toMatchObject({ kind: 'decision.deny' })
    expect(await count('decision')).toBe(decisions + 1)
    expect([await count('token'), await count('task')]).toEqual([0, 0])
  })

  test('uses the assertion up, so that a flood of it is one entry', async () => {
    const before = Number(await count('ledger_inbox'))
    const token = await ciToken(world)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask(world, token, { purpose: 'mining' })),
    )
    expect(answers.filter(answer => answer.kind === 'denied')).toHaveLength(1)
    expect(await count('ledger_inbox')).toBe(before + 1)
    expect(await ask(world, token)).toMatchObject({ kind: 'refused' })
  })

  test.each(['app', 'identity', 'person', 'everything'] as const)(
    'is what a hold on its %s means',
    async scope => {
      const abouts = { app: world.app.id, identity: world.run.id, person: world.app.ownerId }
      const about = scope === 'everything' ? everything : abouts[scope]
      const id = newId('hold')
      const permit = testPermit('hold.set', world.first.id, id)
      await setHold(world, permit, { id, scope, about: about, reason: 'a look' })
      expect((await ask(world, await ciToken(world))).kind).toBe('denied')
      await liftHold(world, testPermit('hold.lift', world.first.id, id), { holdId: id })
      expect((await ask(world, await ciToken(world))).kind).toBe('issued')
    },
  )

  test('is what facts that are too old mean', async () => {
    world.ageMs = limits.freshForIssueMs
    await issued(world, await ciToken(world))
    world.ageMs = limits.freshForIssueMs + 1
    expect((await ask(world, await ciToken(world))).kind).toBe('denied')
  })
})

describe('an app that may have nothing new', () => {
  beforeEach(async () => {
    world = await tokenWorld()
  })
  afterEach(() => endWorld(world))

  test.each([
    ['paused', { state: 'paused', pausedBecause: 'owner' }],
    ['ending', { state: 'ending' }],
    ['ended', { state: 'ended', endedAt: '2026-11-22T14:00:00.000Z' }],
  ])('because it is %s is denied', async (_state, more) => {
    await changeApp(world, world.app, more as never)
    expect((await ask(world, await ciToken(world))).kind).toBe('denied')
    expect(await count('token')).toBe(0)
  })

  test('because its end is past is denied before anybody swept it', async () => {
    world.clock.advance(msBetween(world.clock.now(), world.app.endsAt) - 1)
    await issued(world, await ciToken(world))
    world.clock.advance(1)
    expect((await ask(world, await ciToken(world))).kind).toBe('denied')
  })
})

describe('a write that fails', () => {
  beforeAll(async () => {
    world = await tokenWorld()
  })
  afterAll(() => endWorld(world))

  test.each(['token', 'task', 'seen_assertion', 'ledger_inbox', 'decision'])(
    'at %s gives no token, uses nothing up and leaves nothing',
    async table => {
      await world.store.query('reset role')
      await world.store.query(`create or replace function stop() returns trigger
        language plpgsql as $$ begin raise exception 'stop'; end $$`)
      await world.store.query(
        `create trigger stop before insert on ${table} for each row execute function stop()`,
      )
      const assertion = await ciToken(world, { run_id: `at ${table}` })
      const counts = () =>
        Promise.all(['token', 'task', 'seen_assertion', 'decision', 'ledger_inbox'].map(count))
      const before = await counts()
      await expect(ask(world, assertion)).rejects.toThrow('stop')
      expect(await counts()).toEqual(before)
      await world.store.query(`drop trigger stop on ${table}`)
      expect((await ask(world, assertion)).kind).toBe('issued')
    },
  )
})

describe('what changed under the decision', () => {
  beforeEach(async () => {
    world = await tokenWorld()
  })
  afterEach(() => endWorld(world))

  test('after the decision is an entry too: the database says that the identity was revoked', async () => {
    const behind = world.replica.apply.bind(world.replica)
    // A replica that has not heard of it yet.
    world.replica.applyOwn = () => {}
    await revokeIdentity(world, testPermit('identity.revoke', world.app.ownerId, world.run.id), {
      identityId: world.run.id,
    })
    world.replica.applyOwn = behind
    const before = Number(await count('ledger_inbox'))
    const assertion = await ciToken(world)
    await expect(ask(world, assertion)).rejects.toMatchObject({ code: 'wrong-state' })
    expect(await count('ledger_inbox')).toBe(before + 1)
    const entry = await lastEntry()
    expect(entry.kind).toBe('token.refuse')
    expect(JSON.parse(entry.facts)).toMatchObject({ because: 'wrong-state' })
    expect(await count('token')).toBe(0)
    expect((await ask(world, assertion)).kind).toBe('refused')
    expect(await count('ledger_inbox')).toBe(before + 1)
  })

  test('a used assertion is told so, also when no rule trusts it any more; an unused one hears of rules', async () => {
    const [assertion, unused] = [await ciToken(world), await ciToken(world, { run_id: 'other' })]
    await issued(world, assertion)
    const permit = testPermit('identity.revoke', world.app.ownerId, world.run.id)
    await revokeIdentity(world, permit, { identityId: world.run.id })
    const reason = async (token: string) => {
      const answer = await ask(world, token)
      return answer.kind === 'refused' ? answer.refusal.refused : answer.kind
    }
    expect(await reason(assertion)).toBe('used')
    expect(await reason(unused)).not.toBe('used')
  })

  test('a task that got an earlier end under the decision gives no longer token', async () => {
    await issued(world, await ciToken(world))
    const endsAt = addSeconds(world.clock.now(), 30)
    await world.store.query('reset role')
    await world.store.query('update task set ends_at = $1', [endsAt])
    await expect(ask(world, await ciToken(world))).rejects.toMatchObject({ code: 'conflict' })
    expect(await count('token')).toBe(1)
  })
})

describe('a signed-in person', () => {
  beforeAll(async () => {
    world = await tokenWorld()
  })
  afterAll(() => endWorld(world))

  test('gets an attended token that says who has it work', async () => {
    const person = await personToken(world, world.app.ownerId)
    const token = await issued(world, person)
    expect(said(token.accessToken)).toMatchObject({
      sub: world.run.spiffeId,
      act: { sub: world.app.ownerId },
    })
    // What anybody may bear is as short as unattended work.
    expect(token.expiresIn).toBe(limits.unattendedTokenSeconds)
    expect(said(token.accessToken)).not.toHaveProperty('cnf')
    const bound = await issued(world, person, { boundTo: 'thumbprint' })
    expect(said(bound.accessToken)).toMatchObject({ cnf: { jkt: 'thumbprint' } })
    expect(bound.expiresIn).toBe(limits.attendedTokenSeconds)
    const [task] = await listTasks(world.store, { appId: world.app.id })
    expect(task).toMatchObject({ autonomy: 'attended', onBehalfOf: world.app.ownerId })
  })

  test('begins another piece of work each time, with the same sign-in', async () => {
    const person = await personToken(world, world.app.ownerId)
    const first = await issued(world, person)
    const second = await issued(world, person)
    expect(second.row.taskId).not.toBe(first.row.taskId)
    const ofFirst = 'select id from token where task_id = $1'
    expect(await world.store.query(ofFirst, [first.row.taskId])).toHaveLength(1)
  })

  test('who is no owner gets none, and is counted', async () => {
    world.counted.length = 0
    const stranger = await personToken(world, world.first.id)
    expect((await ask(world, stranger)).kind).toBe('refused')
    expect(world.counted).toEqual([`${world.issuer} claims`])
  })

  test('can not exchange the token that came of it: a task token is no sign-in', async () => {
    const { accessToken } = await issued(world, await personToken(world, world.app.ownerId))
    const again = await ask(world, accessToken)
    expect(again).toMatchObject({ kind: 'refused', refusal: { refused: 'signature' } })
  })
})

test('whatever is asked for, the token is the trusted identity’s and no wider than its task and app', async () => {
  world = await tokenWorld()
  const other = await someApp(world, 'other')
  const publish = await identityOf(world, world.app, 'publish')
  const foreign = await identityOf(world, other)
  await trusting(world, publish.id, { ...githubRule, environment: 'release' })
  await trusting(world, foreign.id, { ...githubRule, repository_id: '77' })
  const claims = fc.record(
    {
      environment: fc.constantFrom('crm', 'release', 'other'),
      repository_id: fc.constantFrom('1001', '77', '9'),
      event_name: fc.constantFrom('push', 'pull_request'),
      sub: fc.string(),
      scope: fc.string(),
      roles: fc.array(fc.string()),
      act: fc.object(),
    },
    { requiredKeys: [] },
  )
  const wishes = fc.record({
    purpose: fc.constantFrom('board', 'refresh', 'admin', 'board refresh', '*'),
    identity: fc.constantFrom('deal-desk/run', 'deal-desk/publish', 'other/run', undefined),
  })
  const trusted = new Map([
    ['1001 crm', world.run],
    ['1001 release', publish],
    ['77 crm', foreign],
  ])
  await fc.assert(
    fc.asyncProperty(claims, wishes, async (more, wish) => {
      const said = { environment: 'crm', repository_id: '1001', event_name: 'push', ...more }
      const answer = await ask(world, await ciToken(world, more), wish)
      const identity = trusted.get(`${said.repository_id} ${said.environment}`)
      const named = wish.identity === undefined ? identity?.spiffeId : wish.identity
      const isTrusted = said.event_name === 'push' && identity?.spiffeId.endsWith(named ?? '-')
      if (isTrusted !== true) expect(answer.kind).toBe('refused')
      if (answer.kind !== 'issued') return
      const { row, purpose } = answer.token
      expect([row.identityId, row.appId]).toEqual([identity?.id, identity?.appId])
      expect(['board', 'refresh']).toContain(purpose)
      expect(row.appId).toBe(world.app.id)
      const task = (await listTasks(world.store, { appId: row.appId })).find(
        each => each.id === row.taskId,
      )
      expect(task).toMatchObject({ identityId: row.identityId, purpose })
      const ends = [task?.endsAt ?? '', world.app.endsAt]
      expect(ends.every(end => row.expiresAt <= end)).toBe(true)
      const cap = fromMs(Date.parse(row.issuedAt) + limits.unattendedTokenSeconds * 1000)
      expect(row.expiresAt <= cap).toBe(true)
    }),
    { numRuns: 60 },
  )
  await endWorld(world)
})
