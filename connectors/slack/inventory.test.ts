/** What a plan shows is found, once, with who added and who changed it; what it hides is said. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import type { InventoryPage } from '../../src/core/target/target.ts'
import { bot, type FakeSlack, startFakeSlack } from '../../test/fakes/slack.ts'
import { handClock } from '../../test/support/clock.ts'
import { hasSlackContract } from '../../test/support/slack-contract.ts'
import { slackConnector } from './slack.ts'

const clock = handClock()
let slack: FakeSlack
const soon = () => AbortSignal.timeout(10_000)
const openWith = (config: Readonly<Record<string, Json>>) =>
  slackConnector.open(slackConnector.parseConfig(config), clock)
const standard = (): Record<string, Json> => {
  const { enterpriseId: _, ...rest } = slack.config
  return { ...rest, plan: 'standard' }
}

beforeEach(async () => {
  slack = await startFakeSlack(clock)
  return async () => {
    expect(slack.breaches).toEqual([])
    await slack.close()
  }
})

async function listAll(config: Readonly<Record<string, Json>>) {
  const target = openWith(config)
  const pages: InventoryPage[] = []
  for (let at: string | null = null; pages.length < 100; ) {
    const page = await target.inventory(at, soon())
    pages.push(page)
    if (page.next === null) break
    at = page.next
  }
  const found = pages.flatMap(page => page.found)
  return {
    found,
    of: (id: string) => found.find(each => each.id === id),
    ids: found.map(({ id }) => id).sort(),
    unseen: pages.flatMap(page => page.unseen ?? []),
  }
}

const by = (user: string, date: number) => ({
  user_id: 'U0TOM',
  user_name: user,
  date: String(date),
  scope: 'chat:write',
  app_type: '',
  app_id: '',
})
/** As Slack logs it: the address of a hook is where nobody should see it. */
function plant(): void {
  const hook = { service_id: '901', service_type: 'Incoming WebHook', scope: 'incoming-webhook' }
  const { app_id: _, app_type: __, ...log } = by('maya', 0)
  const later = { change_type: 'updated', date: '1700000900', user_name: 'tom' }
  const updated = { ...log, ...hook, channel: 'C0SALES00', ...later }
  slack.logs = [
    { ...log, ...hook, change_type: 'added', date: '1700000000', channel: 'C0SALES00' },
    updated,
    { ...by('tom', 1_690_000_000), app_id: 'A0POLL', app_type: 'Poll', change_type: 'added' },
    { ...by('tom', 1_690_000_000), app_id: 'A0GONE', app_type: 'Gone', change_type: 'added' },
    { ...by('tom', 1_690_000_100), app_id: 'A0GONE', app_type: 'Gone', change_type: 'removed' },
  ]
  const scopes = [{ name: 'chat:write', description: '', is_sensitive: false, token_type: 'bot' }]
  const resolved = { date_updated: 1_700_000_000, last_resolved_by: { actor_id: 'U0CISO' }, scopes }
  slack.approved = [{ app: { id: 'A0POLL', name: 'Poll', is_internal: false }, ...resolved }]
  slack.restricted = [{ app: { id: 'A0BAD', name: 'Bad', is_internal: false }, ...resolved }]
}

describe('an inventory', () => {
  test('on Enterprise shows each thing once, with who made it and what changed last', async () => {
    plant()
    const { ids, of, unseen } = await listAll(slack.config)
    expect(ids).toEqual([
      'approved A0POLL',
      'bot U0LEASEBOT',
      'bot U0POLLBOT',
      'integration 901',
      'integration A0POLL',
      'restricted A0BAD',
    ])
    expect(of('integration 901')).toMatchObject({
      kind: 'hook',
      creator: 'maya',
      madeAt: '2023-11-14T22:13:20.000Z',
      details: { lastChange: 'updated', changedBy: 'tom', channel: 'C0SALES00' },
    })
    expect(of('integration A0POLL')).toMatchObject({ kind: 'app', name: 'Poll', creator: 'tom' })
    expect(of('restricted A0BAD')?.details).toMatchObject({
      state: 'restricted',
      changedBy: 'U0CISO',
    })
    expect(of('bot U0POLLBOT')?.details).toMatchObject({ app: 'A0POLL' })
    expect(unseen.map(({ what }) => what)).toEqual([
      'tokens of other apps, and who holds them',
      'when an app or a webhook was used last',
    ])
  })

  test('on a plan without the organisation says what that would show', async () => {
    plant()
    slack.plan = 'paid'
    const { ids, unseen } = await listAll(standard())
    expect(ids).toContain('integration 901')
    expect(ids).not.toContain('approved A0POLL')
    expect(unseen.map(({ what }) => what)).toContain('apps that were approved')
    expect(unseen.at(-1)?.needs).toContain('admin.apps:read')
    expect(slack.seen.filter(asked => asked.includes('admin.apps'))).toEqual([])
  })

  test('without a person who looks shows bots alone, and that webhooks are not seen', async () => {
    plant()
    const { ['adminToken']: _, ...without } = standard()
    const { ids, unseen } = await listAll(without)
    expect(ids).toEqual(['bot U0LEASEBOT', 'bot U0POLLBOT'])
    expect(unseen.some(({ what }) => what.includes('incoming webhooks'))).toBe(true)
  })

  test('says which scope or plan is missing, and goes on with the next list', async () => {
    plant()
    slack.plan = 'free'
    slack.scopes.bot = ['chat:write']
    const { ids, unseen } = await listAll(slack.config)
    expect(ids).toEqual([])
    const needs = unseen.map(each => each.needs).join('\n')
    expect(needs).toMatch(/`users:read` of the bot \(`missing_scope`\)/)
    expect(needs).toMatch(/paid plan \(`paid_only`\)/)
    expect(needs).toMatch(/`admin\.apps:read` \(`feature_not_enabled`\)/)
  })

  test('of a long log shows what it reached, and says that there is more', async () => {
    slack.logs = Array.from({ length: 1_050 }, (_, i) => ({
      ...by('maya', 1_700_000_000 - i),
      app_id: `A0N${i}`,
      app_type: `App ${i}`,
      change_type: 'added',
    }))
    const { found, unseen } = await listAll(slack.config)
    expect(found.filter(({ kind }) => kind === 'app')).toHaveLength(1_000)
    expect(unseen.at(-1)?.what).toBe('changes of integrations before the last 1000')
    expect(slack.seen.filter(asked => asked.includes('integrationLogs'))).toHaveLength(10)
  })

  test('takes no cursor that is not its own, and shows no bot that was removed', async () => {
    slack.users.push({ ...bot('U0OLD', 'A0OLD'), deleted: true })
    expect((await listAll(slack.config)).ids).not.toContain('bot U0OLD')
    for (const cursor of ['x', '["secrets",""]', '["bots"]'])
      await expect(openWith(slack.config).inventory(cursor, soon())).rejects.toThrow(
        /^(bad-json|invalid-field)/,
      )
  })
})

test('a cursor of a list that was not connected, or is none, is not followed', async () => {
  for (const cursor of ['["approved",""]', '["constructor",""]', '["",""]'])
    await expect(openWith(standard()).inventory(cursor, soon())).rejects.toThrow(/^invalid-field/)
  expect(slack.seen).toEqual([])
})

describe('the preflight', () => {
  const details = async (config: Readonly<Record<string, Json>>) => {
    const { ok, steps } = await openWith(config).preflight(soon())
    return { ok, says: steps.map(({ ok, detail = '' }) => `${ok} ${detail}`).join('\n') }
  }

  test('says what the plan will show, and takes that for no failure', async () => {
    expect(await details(slack.config)).toMatchObject({
      ok: true,
      says: expect.not.stringContaining('not seen'),
    })
    slack.plan = 'free'
    const { ok, says } = await details(slack.config)
    expect(ok).toBe(true)
    expect(says).toMatch(/not seen; .*`paid_only`/)
    const { ['adminToken']: _, ...without } = standard()
    expect(await details(without)).toMatchObject({
      ok: true,
      says: expect.stringMatching(/no `adminToken`[^]*not seen; needs Enterprise/),
    })
  })

  test('fails where who looks for us is taken no more', async () => {
    slack.scopes.admin = []
    expect(await details(slack.config)).toMatchObject({
      ok: false,
      says: expect.stringMatching(/invalid_auth/),
    })
  })

  test('fails where Slack takes a token that nobody made', async () => {
    slack.fault = asked => (asked.includes('auth.test') ? { error: 'not_authed' } : undefined)
    expect((await details(slack.config)).ok).toBe(false)
  })
})

test.skipIf(!hasSlackContract)('the pretend Slack is held to what Slack publishes', async () => {
  slack.approved = []
  const headers = { authorization: `Bearer ${slack.config['botToken']}` }
  await fetch(`${slack.url}/api/users.list?everything=1`, { headers })
  expect(slack.breaches.splice(0).join()).toMatch(/no parameter everything/)
  slack.users.push({ id: 'U0X', name: 'x', is_bot: 'yes', unheard: 1 })
  await fetch(`${slack.url}/api/users.list`, { headers })
  expect(slack.breaches.splice(0)).not.toEqual([])
})
