/**
 * A deploy key that nobody registered, at a pretend GitHub: found, adopted, and at the end a person deletes
 * it, since no API of the connector does. It is green when a look at everything does not see it any more.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { words } from '../../src/core/base/words.ts'
import { bounds } from '../../src/life/discovery/bounds.ts'
import { type FakeGithub, startFakeGithub } from '../fakes/github.ts'
import { type Company, expectStatus, startCompany } from './company.ts'

let company: Company
let github: FakeGithub
const keys = () => github.repositories[0]?.keys ?? []

beforeAll(async () => {
  company = await startCompany()
  github = await startFakeGithub(company.clock)
  const shown = words(
    'actions actions_variables administration environments repository_hooks secrets',
    'organization_administration organization_hooks organization_secrets',
    'organization_actions_variables organization_personal_access_tokens',
    'organization_self_hosted_runners',
  )
  Object.assign(
    github.installation.permissions,
    Object.fromEntries(shown.map(name => [name, 'read' as const])),
  )
  const made = { created_at: '2025-01-02T03:04:05Z', added_by: 'maya', read_only: false }
  keys().push({ id: 55, title: 'temp-bot', ...made }, { id: 56, title: 'other', ...made })
  const target = { slug: 'code', connector: 'github', config: github.config, production: false }
  await expectStatus(201, company.as('sam')('POST', '/v1/targets', target))
  await company.running.world.runNow('discovery')
}, 120_000)
afterAll(async () => {
  await company?.stop()
  expect(github.breaches).toEqual([])
  await github?.close()
})

test('what no connector can end is named, with who deletes what where, until it is seen to be gone', async () => {
  const [sam, maya] = [company.as('sam'), company.as('maya')]
  const { items } = (await sam('GET', '/v1/found?target=code')).body
  const bot = items.find(({ name }: { name: string }) => name === 'temp-bot')
  expect(bot).toMatchObject({ kind: 'key', creator: 'maya', state: 'found', endsAt: null })
  await expectStatus(200, maya('POST', `/v1/found/${bot.id}/claim`))
  const app = { app: 'temp-bot', purpose: 'mirrors a branch', backup: 'tom@acme.example', days: 5 }
  await expectStatus(200, sam('POST', `/v1/found/${bot.id}/adopt`, app))

  const { planHash } = (await expectStatus(200, maya('POST', '/v1/apps/temp-bot/end', {}))).body
  const ended = await expectStatus(200, maya('POST', '/v1/apps/temp-bot/end', { planHash }))
  expect(ended.body.state).toBe('not-green')
  expect(ended.body.items).toContainEqual(
    expect.objectContaining({
      kind: 'thing',
      name: 'temp-bot',
      system: 'code',
      state: 'still-there',
      because: expect.stringMatching(/a person deletes the key temp-bot there/),
    }),
  )

  // Deleted, and not looked at since: nobody knows, so it is not green.
  keys().splice(0, 1)
  const look = async () => {
    company.clock.advance(3_600_000)
    await company.running.world.runNow('offboard')
    return (await maya('GET', '/v1/apps/temp-bot/end')).body
  }
  expect((await look()).state).toBe('not-green')
  company.clock.advance(bounds.lookEveryMs)
  await company.running.world.runNow('discovery')
  await vi.waitFor(async () => expect((await look()).state).toBe('verified-gone'), {
    timeout: 20_000,
    interval: 500,
  })
  const file = (await maya('GET', '/v1/apps/temp-bot/certificate')).body
  const { items: said } = JSON.parse(Buffer.from(file.payload, 'base64').toString()).predicate
  expect(said).toContainEqual(
    expect.objectContaining({
      name: 'temp-bot',
      state: 'verified-gone',
      paths: [expect.stringMatching(/^list of everything there, looked through at /)],
    }),
  )
})
