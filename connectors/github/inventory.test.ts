/** Everything planted at the pretend GitHub is found, once, by its own id; what is not shown is said. */

import { beforeEach, expect, test } from 'vitest'
import { words } from '../../src/core/base/words.ts'
import type { Found, InventoryPage, Target } from '../../src/core/target/target.ts'
import { newRepository } from '../../test/fakes/github/state.ts'
import { type FakeGithub, startFakeGithub } from '../../test/fakes/github.ts'
import { handClock } from '../../test/support/clock.ts'
import { githubConnector } from './github.ts'

const clock = handClock()
let github: FakeGithub
let target: Target
const soon = () => AbortSignal.timeout(10_000)
const everything = words(
  'actions actions_variables administration environments repository_hooks secrets',
  'organization_administration organization_hooks organization_secrets',
  'organization_actions_variables organization_personal_access_tokens',
  'organization_self_hosted_runners',
)

beforeEach(async () => {
  github = await startFakeGithub(clock)
  target = githubConnector.open(githubConnector.parseConfig(github.config), clock)
  github.installation.permissions = {
    metadata: 'read',
    workflows: 'write',
    ...Object.fromEntries(everything.map(name => [name, 'read' as const])),
  }
  return async () => {
    await target.close()
    expect(github.breaches).toEqual([])
    expect(github.living()).toEqual([])
    await github.close()
  }
})

async function listAll(from: string | null = null) {
  const pages: InventoryPage[] = []
  for (let at = from; pages.length < 2_000; ) {
    const page = await target.inventory(at, soon())
    pages.push(page)
    if (page.next === null) break
    at = page.next
  }
  return {
    pages,
    found: pages.flatMap(page => page.found),
    unseen: pages.flatMap(page => page.unseen ?? []),
  }
}

/** A thing of each kind, with what GitHub says of it. */
function plant(): void {
  const [desk] = github.repositories
  if (desk === undefined) throw new Error('there is a repository')
  const at = { created_at: '2025-01-02T03:04:05Z', updated_at: '2025-02-02T03:04:05Z' }
  github.of.apps = [
    { id: github.installation.id, app_slug: 'leasehold-test', ...at },
    { id: 9001, app_slug: 'some-bot', permissions: { contents: 'write' }, ...at },
  ]
  github.of.tokens = [
    {
      id: 31,
      owner: { login: 'maya' },
      token_id: 310,
      token_name: 'laptop',
      token_expires_at: null,
      token_last_used_at: '2026-11-20T10:00:00Z',
    },
  ]
  github.of.authorizations = [
    { credential_id: 51, credential_type: 'SSH key', login: 'tom' },
    { credential_id: 52, credential_type: 'personal access token', login: 'tom' },
  ]
  github.of.secrets = [{ name: 'NPM_TOKEN', visibility: 'all', ...at }]
  github.of.variables = [
    { name: 'REGION', value: 'a-value-nobody-asked-for', visibility: 'all', ...at },
  ]
  github.of.hooks = [
    {
      id: 61,
      name: 'web',
      active: true,
      events: ['push'],
      config: { url: 'https://hook.example/secret-path' },
    },
  ]
  github.of.runners = [{ id: 71, name: 'big', os: 'linux', status: 'online' }]
  desk.keys = [
    {
      id: 81,
      title: 'deploy',
      added_by: 'tom',
      read_only: false,
      last_used: null,
      created_at: at.created_at,
    },
  ]
  desk.secrets = [{ name: 'AWS_KEY', ...at }]
  desk.variables = [{ name: 'LEVEL', value: 'a-value-nobody-asked-for', ...at }]
  desk.hooks = [{ id: 62, name: 'web', config: { url: 'https://hook.example/secret-path' } }]
  desk.runners = [{ id: 72, name: 'small', os: 'linux', status: 'offline' }]
  const environment = { secrets: [{ name: 'DB_URL', ...at }], variables: [{ name: 'TIER', ...at }] }
  desk.environments = [{ name: 'prod/eu', ...environment }]
}

const idsOf = (found: readonly Found[]) => found.map(({ id }) => id)

test('each thing is found once, by a natural id, with owner, last use and end', async () => {
  plant()
  const { found, unseen } = await listAll()
  expect(idsOf(found).sort()).toEqual(
    [
      'app acme 7001',
      'app acme 9001',
      'hook acme 61',
      'hook acme/deal-desk 62',
      'key acme/deal-desk 81',
      'runner acme 71',
      'runner acme/deal-desk 72',
      'secret acme NPM_TOKEN',
      'secret acme/deal-desk AWS_KEY',
      'secret acme/deal-desk prod/eu DB_URL',
      'token acme 31',
      'token acme 51',
      'token acme 52',
      'variable acme REGION',
      'variable acme/deal-desk LEVEL',
      'variable acme/deal-desk prod/eu TIER',
    ].sort(),
  )
  expect(unseen).toEqual([])
  const byId = new Map(found.map(one => [one.id, one]))
  expect(byId.get('token acme 31')).toMatchObject({
    kind: 'token',
    name: 'laptop',
    creator: 'maya',
    lastUsedAt: '2026-11-20T10:00:00.000Z',
    endsAt: null,
  })
  expect(byId.get('token acme 51')).toMatchObject({ kind: 'key', creator: 'tom' })
  expect(byId.get('key acme/deal-desk 81')).toMatchObject({
    name: 'deploy',
    creator: 'tom',
    madeAt: '2025-01-02T03:04:05.000Z',
    details: { read_only: false },
  })
  expect(byId.get('app acme 7001')?.ours).toBe(true)
  expect(byId.get('app acme 9001')?.ours).toBe(false)
  expect(JSON.stringify(found)).not.toMatch(/nobody-asked-for|secret-path/)
})

test('only what reads is asked', async () => {
  plant()
  await listAll()
  await target.close()
  const writes = github.seen.filter(({ asked }) => !asked.startsWith('GET '))
  expect(
    writes.every(({ asked }) =>
      /access_tokens$|^POST \/graphql$|^DELETE \/installation\/token$/.test(asked),
    ),
  ).toBe(true)
})

test('it goes on from any page, and many are listed whole', async () => {
  plant()
  github.repositories = Array.from({ length: 70 }, (_, i) => newRepository(`r-${i}`, 2_000 + i))
  for (const each of github.repositories)
    each.secrets = Array.from({ length: 3 }, (_, i) => ({ name: `S_${i}` }))
  const [first] = github.repositories
  if (first) first.secrets = Array.from({ length: 65 }, (_, i) => ({ name: `MANY_${i}` }))
  const { pages, found } = await listAll()
  expect(
    found.filter(({ kind, id }) => kind === 'secret' && !id.startsWith('secret acme N')),
  ).toHaveLength(65 + 69 * 3)
  expect(new Set(idsOf(found)).size).toBe(found.length)
  const middle = pages[Math.floor(pages.length / 2)]?.next ?? null
  const again = await listAll(middle)
  const after = pages.slice(Math.floor(pages.length / 2) + 1).flatMap(page => page.found)
  expect(idsOf(again.found)).toEqual(idsOf(after))
  expect(Math.max(...pages.map(({ next }) => next?.length ?? 0))).toBeLessThan(32 * 1024)
})

test('a list that a right or the plan does not show is said to be unseen, and nothing is invented', async () => {
  plant()
  github.of.authorizations = undefined
  delete github.installation.permissions['administration']
  const { found, unseen } = await listAll()
  expect(unseen).toEqual([
    { what: 'deploy keys', needs: 'administration: read' },
    { what: 'self-hosted runners of repositories', needs: 'administration: read' },
    {
      what: 'classic tokens and SSH keys of people',
      needs: 'GitHub Enterprise Cloud with SAML single sign-on',
      of: 'acme',
    },
  ])
  expect(idsOf(found)).not.toContain('key acme/deal-desk 81')
  expect(idsOf(found)).toContain('secret acme/deal-desk AWS_KEY')
})

test('a token of ours that others end meanwhile is replaced, and one never taken is no empty list', async () => {
  plant()
  const whole = await listAll()
  const isOwn = (asked: string) => asked.includes('/keys') || asked.includes('/hooks')
  github.fault = asked => {
    if (isOwn(asked)) for (const each of github.tokens.values()) each.endedAt ??= clock.now()
    return undefined
  }
  const { found, unseen } = await listAll()
  expect(found.length + unseen.length).toBeGreaterThan(whole.found.length - 4)
  expect(unseen.length).toBeGreaterThan(0)
})

test('GitHub that is away is no list that is empty', async () => {
  plant()
  github.fault = asked => (asked.includes('/hooks') ? { status: 502 } : undefined)
  await expect(listAll()).rejects.toThrow(/target-unavailable/)
})

test.each(['', 'x', '[]', '[["apps"]]', '[["nothing",[],""]]', `[["apps",["acme"],"//evil"]]`])(
  'the cursor %j is refused',
  async cursor => {
    await expect(target.inventory(cursor, soon())).rejects.toThrow(/^(invalid-field|bad-json)/)
    expect(github.seen.filter(({ asked }) => asked.includes('evil'))).toEqual([])
  },
)
