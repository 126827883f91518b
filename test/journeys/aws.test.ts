/**
 * A session of AWS for one task: the real command line and the real server, and a pretend account that
 * keeps its own list, with the policies of our page. A person has it in the variables AWS's tools read.
 */
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { takeInventory } from '../../src/life/drift/inventory.ts'
import type { FakeAws } from '../fakes/aws.ts'
import { startAwsByThePage } from '../support/kit/aws.ts'
import { homeOfSam, makeApp, told } from './cli.ts'
import { type Company, expectStatus, startCompany } from './company.ts'

const sdk = import.meta.resolve('@aws-sdk/client-iam')
let company: Company
let aws: FakeAws
let home: string

beforeAll(async () => {
  company = await startCompany()
  const { clock } = company
  aws = await startAwsByThePage(clock)
  const sam = company.as('sam')
  const target = { slug: 'cloud', connector: 'aws', config: aws.config, production: false }
  await expectStatus(201, sam('POST', '/v1/targets', target))
  const object = { service: 's3', resources: ['arn:aws:s3:::acme-deals/reports/*'] }
  const named = { slug: 'reports', target: 'cloud', object, columns: [] }
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example' }
  await expectStatus(201, sam('POST', '/v1/resources', { ...named, ...owned }))
  await makeApp(company, 'desk', ['reports:read'])
}, 120_000)
afterAll(async () => {
  await company?.stop()
  expect(aws.breaches).toEqual([])
  expect(aws.living()).toEqual([])
  await aws?.close()
})

beforeEach(async () => {
  home = await homeOfSam(company)
  return () => rm(home, { recursive: true })
})

/** In the command: AWS's own SDK finds the session by itself, and its variables are told. */
const look = `import { IAMClient, ListRoleTagsCommand } from '${sdk}'
  const env = process.env
  const iam = new IAMClient({ endpoint: '{url}' })
  const said = await iam.send(new ListRoleTagsCommand({ RoleName: '{role}' })).then(() => 'let in', e => e.name)
  const aws = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('AWS_')))
  console.log(JSON.stringify({ said, aws, token: env.REPORTS_TOKEN }))`

interface Told {
  readonly said: string
  readonly aws: Record<string, string>
  readonly token?: string
}

async function run(via: string, role: string): Promise<Told> {
  const script = look.replace('{url}', aws.url).replace('{role}', role)
  const own = { AWS_PROFILE: 'own', AWS_ACCESS_KEY_ID: 'own', AWS_ROLE_ARN: 'own' }
  const [said] = await told(home, ['--need', 'reports:read', '--via', via], script, own)
  return said as Told
}

const holder = async () => {
  const [row] = await company.running.world.store.query<{ holder: string }>(
    'select holder from app_grant order by made_at desc limit 1',
  )
  return row?.holder ?? ''
}
const lastLease = async () => {
  const [row] = await company.running.world.store.query<Record<string, unknown>>(
    'select principal, state, outcome, evidence from lease order by made_at desc limit 1',
  )
  return row
}

describe('a task that needs a bucket', () => {
  test.each(['env', 'file'])(
    'has a session by %s that AWS itself refuses when the task is over',
    async via => {
      const told = await run(via, await holder())
      expect(told.said).toBe('let in')
      const lease = await lastLease()
      expect(lease).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
      expect(lease?.['evidence']).toMatchObject({ credential: 'refused', probe: 'accepted' })
      expect(
        aws.seen.filter(({ action }) => action === 'ListRoleTags').map(({ by }) => by),
      ).toContain(lease?.['principal'])
      // Of the person's own nothing, and where files were asked for no variable holds it.
      expect(JSON.stringify(told.aws)).not.toContain('own')
      expect(told.aws).toMatchObject({ AWS_REGION: 'eu-central-1' })
      const inVariables = via === 'env'
      expect('AWS_SESSION_TOKEN' in told.aws).toBe(inVariables)
      expect('AWS_SHARED_CREDENTIALS_FILE' in told.aws).toBe(!inVariables)
      expect(told.token !== undefined).toBe(inVariables)
    },
  )

  test('is not over for us while AWS still lets its session in, whatever it answered', async () => {
    aws.ending = 'lies'
    await run('env', await holder())
    expect(await lastLease()).toMatchObject({ state: 'ending', outcome: null })
    expect(aws.living()).toHaveLength(1)
    aws.ending = 'honest'
    company.clock.advance(10_000)
    await expect
      .poll(async () => (await lastLease())?.['outcome'], { timeout: 15_000 })
      .toBe('verified-gone')
    expect(aws.living()).toEqual([])
  })

  test('costs AWS nothing while we look for names of ours, which it lists no session by', async () => {
    const before = aws.seen.length
    expect(await takeInventory(company.running.world)).toEqual([])
    expect(aws.seen).toHaveLength(before)
  })

  test('leaves no session and no key in logs, answers, or what is kept in the open', async () => {
    const { running, logged, as } = company
    const shown = await as('sam')('GET', '/v1/targets')
    const rows = await running.world.store.query<{ row: string }>(
      `select t::text as row from target t union all select s::text from target_config s
       union all select l::text from lease l union all select b::text from lease_salt b
       union all select e::text from ledger_entry e`,
    )
    const texts = JSON.stringify([shown, logged, rows])
    expect(rows.length).toBeGreaterThan(5)
    for (const { secret, token: session } of aws.sessions.values())
      for (const each of [secret, session]) expect(texts).not.toContain(each)
    expect(texts).not.toContain(aws.config['secretAccessKey'])
  })
})
