/** What Notion shows is found, once; what it shows to nobody is said each time. */
import { beforeEach, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import type { InventoryPage } from '../../src/core/target/target.ts'
import { bot, type FakeNotion, startFakeNotion } from '../../test/fakes/notion.ts'
import { handClock } from '../../test/support/clock.ts'
import { notionConnector } from './notion.ts'

const clock = handClock()
let notion: FakeNotion
const soon = () => AbortSignal.timeout(5_000)
const openWith = (more: Readonly<Record<string, Json>> = {}) => {
  const { token, url } = notion.config
  const config = { connection: 'internal', token, url, ...more }
  return notionConnector.open(notionConnector.parseConfig(config), clock)
}

beforeEach(async () => {
  notion = await startFakeNotion(clock, 'internal')
  return () => notion.close()
})

async function listAll(more: Readonly<Record<string, Json>> = {}) {
  const pages: InventoryPage[] = []
  for (let at: string | null = null; pages.length < 100; ) {
    const page = await openWith(more).inventory(at, soon())
    pages.push(page)
    if (page.next === null) break
    at = page.next
  }
  return {
    found: pages.flatMap(page => page.found),
    unseen: pages.flatMap(page => page.unseen ?? []).map(({ what }) => what),
  }
}
const never = [
  'internal connections and their secrets, beyond the bots that were added',
  'pages and databases that a connection was given',
]

test('bots are found with whom they belong to; people are not; and what nobody sees is said', async () => {
  notion.users.push(bot('Mine', { type: 'user', user: { object: 'user', id: 'u-maya' } }))
  const { found, unseen } = await listAll()
  expect(found.map(({ name, kind, creator }) => [name, kind, creator])).toEqual([
    ['Roadmap bot', 'account', undefined],
    ['Mine', 'account', 'u-maya'],
  ])
  expect(found[0]?.details).toEqual({ owner: 'workspace', workspace: 'Acme' })
  expect(unseen).toEqual([...never, 'personal access tokens'])
})

test('personal access tokens that live are found with the Admin API, and no secret is', async () => {
  const token = (name: string, status: string) => ({ id: `id-${name}`, name, status })
  notion.tokens = [token('laptop', 'active'), token('old', 'revoked'), token('past', 'expired')]
  const { found, unseen } = await listAll({ admin: notion.config.admin })
  expect(found.filter(({ kind }) => kind === 'token').map(({ id }) => id)).toEqual([
    'token id-laptop',
  ])
  expect(unseen).toEqual(never)
  expect(JSON.stringify(found)).not.toContain('ntn_')
})

test('where a right is missing that is said, and the next list is read', async () => {
  notion.seesUsers = false
  notion.tokens = [{ id: 't1', name: 'laptop', status: 'active' }]
  const seen = await listAll({ admin: notion.config.admin })
  expect(seen.found.map(({ id }) => id)).toEqual(['token t1'])
  expect(seen.unseen).toEqual([...never, 'bots'])
  notion.adminScopes = ['personal-access-token:write-high-impact']
  expect((await listAll({ admin: notion.config.admin })).unseen).toContain('personal access tokens')
  const { ok, steps } = await openWith({ admin: notion.config.admin }).preflight(soon())
  expect(ok).toBe(true)
  expect(steps.filter(({ detail = '' }) => detail.startsWith('not seen'))).toHaveLength(2)
})

test('no cursor is taken that is not its own', async () => {
  for (const cursor of ['x', '["pages",""]', '["bots"]'])
    await expect(openWith().inventory(cursor, soon())).rejects.toThrow(/(bad-json|invalid-field)/)
})
