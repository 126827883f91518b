/** Slack, Notion and Snowflake as they are asked: only reading reaches them, whatever they would take. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/base/time.ts'
import { bot as notionBot, startFakeNotion } from '../../test/fakes/notion.ts'
import { bot, startFakeSlack } from '../../test/fakes/slack.ts'
import { startFakeSnowflake } from '../../test/fakes/snowflake.ts'
import { handClock } from '../../test/support/clock.ts'
import { newSecret } from '../../test/support/scan-world.ts'
import { type Env, openSource } from './arguments.ts'
import { githubReads } from './github.ts'
import { Calls, type Going, openWay } from './outgoing.ts'
import { notionReads, slackReads, snowflakeReads } from './services.ts'
import { newFacts, type Sink, type Unseen } from './source.ts'
import type { Thing } from './thing.ts'

async function read(typed: string, env: Env, clock: Going['clock']) {
  const calls = new Calls()
  const going: Going = { clock, calls, sleep: async () => {}, waiting: () => {}, fetch }
  const [things, unseen]: [Thing[], Unseen[]] = [[], []]
  const sink: Sink = {
    facts: newFacts(),
    thing: thing => things.push(thing),
    unseen: each => unseen.push(each),
    page: () => {},
  }
  const source = await openSource(typed, {
    env,
    going,
    tool: async () => '',
    awsKeys: async () => undefined,
  })
  await source.read(sink, AbortSignal.timeout(20_000))
  return { things, unseen, calls }
}

test('Slack: bots, apps and webhooks for an admin; what only others are shown is said', async () => {
  const clock = handClock()
  const slack = await startFakeSlack(clock)
  try {
    const planted = { secrets: [] as string[] }
    slack.users.push({
      ...bot('U0OLD', 'A0OLD'),
      profile: { api_app_id: 'A0OLD', email: newSecret(planted) },
    })
    slack.logs.push({
      service_id: '1001',
      service_type: 'incoming-webhook',
      app_type: 'Deploys',
      scope: 'incoming-webhook',
      user_id: 'U0MAYA',
      user_name: 'maya',
      date: '1700000000',
      change_type: 'added',
      reason: newSecret(planted),
    })
    const env = { SLACK_TOKEN: slack.config['adminToken'], SLACK_API_URL: slack.url }
    const { things, unseen } = await read('slack', env, clock)
    expect(things.find(({ kind }) => kind === 'incoming webhook')).toMatchObject({
      name: 'Deploys',
      creator: 'maya',
    })
    expect(things.map(({ name }) => name)).toContain('u0old')
    expect(unseen.map(({ what }) => what)).toContain('when an app or a webhook was used last')
    expect(
      slack.seen.filter(asked => !/GET \/api\/(auth\.test|users\.list|team\.)/.test(asked)),
    ).toEqual([])
    expect(slack.isThere()).toBe(true)
    for (const secret of planted.secrets) expect(JSON.stringify(things)).not.toContain(secret)
  } finally {
    await slack.close()
  }
})

test('Notion: bots, and what a workspace owner has to look at', async () => {
  const clock = handClock()
  const notion = await startFakeNotion(clock, 'internal')
  try {
    notion.users.push(notionBot('Old exporter', { type: 'workspace', workspace: true }))
    const env = { NOTION_TOKEN: notion.config.token, NOTION_API_URL: notion.url }
    const { things, unseen } = await read('notion', env, clock)
    expect(things.map(({ name }) => name)).toEqual(['Roadmap bot', 'Old exporter'])
    expect(unseen.map(({ what }) => what)).toContain('personal access tokens')
    expect(notion.seen.filter(asked => !asked.startsWith('GET '))).toEqual([])
  } finally {
    await notion.close()
  }
})

test('Snowflake: users with their keys, by statements that show', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'scan-key-'))
  const snowflake = await startFakeSnowflake(systemClock)
  try {
    const { account, user, role, url, privateKeyPem } = snowflake.config
    const file = join(folder, 'key.pem')
    writeFileSync(file, privateKeyPem, { mode: 0o600 })
    const env = {
      SNOWFLAKE_USER: user,
      SNOWFLAKE_ROLE: role,
      SNOWFLAKE_PRIVATE_KEY_FILE: file,
      SNOWFLAKE_API_URL: url,
    }
    const { things, calls } = await read(`snowflake:${account}`, env, systemClock)
    expect(things.map(({ kind }) => kind)).toContain('user')
    expect(things.filter(({ group }) => group === 'rights').length).toBeGreaterThan(0)
    const others = snowflake.seen.filter(
      ({ statement }) => !/^(SHOW|SELECT|DESCRIBE) /.test(statement),
    )
    expect(others).toEqual([])
    expect(calls.keptBack).toBe(0)
  } finally {
    await snowflake.close()
    rmSync(folder, { recursive: true })
  }
})

test.each(['auth.revoke', 'apps.uninstall', 'chat.postMessage', 'users.list.x'])(
  'Slack takes GET for %s, which does not leave all the same',
  async method => {
    const clock = handClock()
    const slack = await startFakeSlack(clock)
    try {
      const calls = new Calls()
      const going: Going = { clock, calls, sleep: async () => {}, waiting: () => {}, fetch }
      const way = openWay({ system: 'slack', reads: slackReads, gapMs: 0 }, going)
      await expect(way(`${slack.url}/api/${method}`)).rejects.toMatchObject({
        code: 'target-refused',
      })
      expect(slack.seen).toEqual([])
    } finally {
      await slack.close()
    }
  },
)

describe('what leaves', () => {
  const sql = (statement: string) => JSON.stringify({ statement })
  const [statements, handle] = ['/api/v2/statements', '0193d2c8-0000-0000-0000-000000000000']
  test.each([
    [githubReads, 'POST', '/graphql', ''],
    [githubReads, 'DELETE', '/repos/acme/desk/keys/1', ''],
    [githubReads, 'PUT', '/repos/acme/desk/contents/a', ''],
    [notionReads, 'POST', '/v1/search', ''],
    [notionReads, 'DELETE', '/admin/v1/spaces/x/personal_access_tokens/1', ''],
    [snowflakeReads, 'POST', statements, sql('ALTER USER A SET DISABLED = TRUE')],
    [snowflakeReads, 'POST', statements, sql('SHOW USERS; DROP USER A')],
    [snowflakeReads, 'POST', statements, '{}'],
    [snowflakeReads, 'POST', `${statements}/${handle}/cancel`, sql('SHOW USERS')],
    [snowflakeReads, 'GET', '/session/v1/login-request', ''],
  ])('is not %# %s %s', (reads, method, path, body) => {
    expect(reads(method, new URL(path, 'https://x.example'), body)).toBeUndefined()
  })
  test.each([
    [githubReads, 'GET', '/repos/acme/desk/keys', '', 'GET /repos/{repository}/keys'],
    [
      githubReads,
      'GET',
      '/repos/a/b/environments/prod%2Feu/secrets',
      '',
      'GET /repos/{repository}/environments/{environment}/secrets',
    ],
    [
      githubReads,
      'GET',
      '/repos/a/b/contents/.github/x.yml',
      '',
      'GET /repos/{repository}/contents/{path}',
    ],
    [
      notionReads,
      'GET',
      '/admin/v1/spaces/abc/personal_access_tokens',
      '',
      'GET /admin/v1/spaces/{space}/personal_access_tokens',
    ],
    [
      snowflakeReads,
      'POST',
      statements,
      sql('SHOW USERS LIMIT 51'),
      'POST /api/v2/statements: SHOW USERS …',
    ],
    [snowflakeReads, 'GET', `${statements}/${handle}`, '', 'GET /api/v2/statements/{handle}'],
  ])('is %# %s %s, and is listed by its shape', (reads, method, path, body, shape) => {
    expect(reads(method, new URL(path, 'https://x.example'), body)).toBe(shape)
  })
})
