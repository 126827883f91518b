/** A repository that ends with its lease: each step, each break, and what is said of what is left. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target } from '../../src/core/target/target.ts'
import { type FakeRepository, newRepository } from '../../test/fakes/github/state.ts'
import { type FakeGithub, startFakeGithub } from '../../test/fakes/github.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { endingRights } from './ending.ts'
import { githubConnector } from './github.ts'

let clock: HandClock
let github: FakeGithub
let target: Target
let desk: FakeRepository
const soon = () => AbortSignal.timeout(10_000)

beforeEach(async () => {
  clock = handClock()
  github = await startFakeGithub(clock)
  Object.assign(github.installation.permissions, endingRights)
  const [first] = github.repositories
  if (first === undefined) throw new Error('there is a repository')
  desk = Object.assign(first, {
    workflows: [
      { id: 1, name: 'ci', path: '.github/workflows/ci.yml', state: 'active' },
      { id: 2, name: 'old', path: '.github/workflows/old.yml', state: 'disabled_inactivity' },
    ],
    runs: [
      { id: 71, status: 'in_progress' },
      { id: 72, status: 'queued' },
    ],
    environments: [{ name: 'prod/eu', secrets: [{ name: 'DEPLOY' }], variables: [] }],
    secrets: Array.from({ length: 40 }, (_, i) => ({ name: `SECRET_${i}` })),
    variables: [{ name: 'REGION', value: 'eu' }],
    keys: [{ id: 9, title: 'server', key: 'ssh-ed25519 AAAA' }],
  } satisfies Partial<FakeRepository>)
  target = githubConnector.open(githubConnector.parseConfig(github.config), clock)
  return async () => {
    await target.close()
    expect(github.breaches).toEqual([])
    await github.close()
  }
})

const object = {
  repository: 'acme/deal-desk',
  id: 1001,
  ends: true,
  permissions: { read: { contents: 'read' } },
}

async function lend(change: Record<string, Json> = {}) {
  const now = clock.now()
  const order: IssueOrder = {
    principal: 'lh_test_desk',
    holder: 'lhg_test',
    owner: 'lho_test',
    object: { ...object, ...change },
    actions: ['read'],
    columns: [],
    secret: 'derived-and-never-used',
    deadline: addSeconds(now, 10),
    endsAt: addSeconds(now, 900),
  }
  const issued = await target.issue(order, soon())
  return {
    ...order,
    secret: issued.secret ?? '',
    acceptedPath: issued.acceptedPath,
    diesAt: issued.diesAt,
  }
}

const look = (order: Awaited<ReturnType<typeof lend>>) => target.verifyGone(order, soon())

/** As the sweep does: ends whatever is answered, then looks. */
async function endAndLook(order: Awaited<ReturnType<typeof lend>>) {
  await target.end(order, soon()).catch((thrown: unknown) => {
    if (!isProblem(thrown)) throw thrown
  })
  return look(order)
}

const written = () =>
  github.seen.filter(({ asked }) => /^(PUT|PATCH|POST \/repos|DELETE \/repos)/.test(asked))

describe('the end of its lease', () => {
  test('stops what runs, takes every credential, archives last, and is proven by both lists', async () => {
    const lease = await lend()
    expect(lease.diesAt).toBeNull()
    const before = await look(lease)
    expect(judge(before)).toBe('still-there')
    expect(before.residue).toEqual(
      expect.arrayContaining([
        'workflow .github/workflows/ci.yml',
        'run 71',
        'environment prod/eu',
        'secret SECRET_39',
        'variable REGION',
        'deploy key server',
        'repository acme/deal-desk, not archived',
      ]),
    )
    await target.end(lease, soon())
    const after = await look(lease)
    expect(judge(after)).toBe('verified-gone')
    expect(after.paths).toHaveLength(4)
    expect(after.because).toMatch(/kept, archived/)
    expect(desk).toMatchObject({ archived: true, runs: [], environments: [], secrets: [] })
    expect(desk).toMatchObject({ variables: [], keys: [] })
    const kinds = written().map(({ asked }) =>
      asked.replace(/^(\w+) .*deal-desk\/?/, '$1 ').split('/'),
    )
    const order = kinds.map(([first = '', second = '']) => `${first}/${second}`)
    expect([...new Set(order)].map(each => each.trim())).toEqual([
      'PUT actions/workflows',
      'POST actions/runs',
      'DELETE environments/prod%2Feu',
      'DELETE actions/secrets',
      'DELETE actions/variables',
      'DELETE keys/9',
      'PATCH /',
    ])
  })

  test('leaves every other repository as it is, and no token of ours for this one', async () => {
    const [, billing] = github.repositories
    Object.assign(billing ?? {}, { secrets: [{ name: 'THEIRS' }] })
    const lease = await lend()
    await endAndLook(lease)
    expect(billing).toMatchObject({ secrets: [{ name: 'THEIRS' }] })
    expect(billing?.archived).toBeUndefined()
    expect(github.living().filter(each => each.repositoryIds !== null)).toEqual([])
    const writers = new Set(written().map(({ by }) => by))
    expect(writers.size).toBe(1)
  })

  test('of a repository that does not end is the end of its token alone', async () => {
    const { ends: _, ...stays } = object
    const order = { ...(await lend({ ends: true })), object: stays }
    await target.end(order, soon())
    expect(judge(await look(order))).toBe('verified-gone')
    expect(written()).toEqual([])
  })

  test('that was never anybody’s ends nothing: an intent that failed takes no repository with it', async () => {
    const lease = await lend()
    await target.end({ ...lease, secret: null }, soon())
    await target.end({ ...lease, secret: 'derived-and-never-used' }, soon())
    expect(written()).toEqual([])
  })
})

describe('a break', () => {
  test.each([
    /^PUT .*disable$/,
    /^POST .*cancel$/,
    /^DELETE .*environments/,
    /^DELETE .*secrets\/SECRET_20$/,
    /^DELETE .*variables/,
    /^DELETE .*keys/,
    /^PATCH /,
  ])('at %s is gone on from, whether it was done or not', async what => {
    for (const fault of ['breaks-off', 'breaks-off-after'] as const) {
      Object.assign(desk, { archived: false, secrets: [{ name: 'SECRET_20' }] })
      const lease = await lend()
      github.fault = asked => (what.test(asked) ? fault : undefined)
      const broken = await endAndLook(lease)
      if (fault === 'breaks-off') expect(judge(broken)).not.toBe('verified-gone')
      github.fault = () => undefined
      expect(judge(await endAndLook(lease))).toBe('verified-gone')
      expect(desk).toMatchObject({ archived: true, secrets: [] })
    }
  })

  test('of one step holds up no other, but the archiving', async () => {
    const lease = await lend()
    github.fault = asked => (/^DELETE .*environments/.test(asked) ? { status: 403 } : undefined)
    const seen = await endAndLook(lease)
    expect(seen.residue).toEqual(['environment prod/eu', 'repository acme/deal-desk, not archived'])
    expect(desk).toMatchObject({ secrets: [], keys: [] })
    expect(desk.archived).toBeUndefined()
  })

  test('of one of the two lists is unknown, and what the other shows is named', async () => {
    const lease = await lend()
    await target.end(lease, soon())
    desk.keys = [{ id: 10, title: 'again', key: 'ssh-ed25519 AAAA' }]
    github.fault = asked => (/repositories\?per_page=2/.test(asked) ? { status: 502 } : undefined)
    const seen = await look(lease)
    expect(seen).toMatchObject({ listed: 'unknown', residue: ['deploy key again'] })
    desk.keys = []
    expect(judge(await look(lease))).toBe('unreachable')
  })
})

describe('a repository that lies or is changed', () => {
  test('by answering well and keeping a secret is not archived, and the secret is named', async () => {
    const lease = await lend()
    github.isUndone = asked => /DELETE .*SECRET_7$/.test(asked)
    const seen = await endAndLook(lease)
    expect(judge(seen)).toBe('still-there')
    expect(seen.residue).toEqual(['secret SECRET_7', 'repository acme/deal-desk, not archived'])
    github.isUndone = () => false
    expect(judge(await endAndLook(lease))).toBe('verified-gone')
  })

  test('that was archived with something in it says who does what', async () => {
    const lease = await lend()
    desk.archived = true
    const seen = await endAndLook(lease)
    expect(judge(seen)).toBe('still-there')
    expect(seen.because).toContain('unarchive it')
    desk.archived = false
    expect(judge(await endAndLook(lease))).toBe('verified-gone')
  })

  test('whose name was given to another one is not touched, and not called gone', async () => {
    const lease = await lend()
    Object.assign(desk, { name: 'renamed' })
    const other = { ...newRepository('deal-desk', 6_666), secrets: [{ name: 'THEIRS' }] }
    github.repositories.push(other)
    const seen = await endAndLook(lease)
    expect(judge(seen)).toBe('unreachable')
    expect(other).toMatchObject({ secrets: [{ name: 'THEIRS' }] })
    expect(desk.secrets).toHaveLength(40)
  })

  test('that is not in the installation any more is unknown', async () => {
    const lease = await lend()
    desk.isInstalled = false
    expect(judge(await endAndLook(lease))).toBe('unreachable')
  })
})

describe('what can not be ended is not lent', () => {
  test.each(Object.keys(endingRights).filter(name => name !== 'metadata'))(
    'where the App lacks `%s: write`',
    async name => {
      github.installation.permissions[name] = 'read'
      await expect(lend()).rejects.toMatchObject({ detail: expect.stringContaining(name) })
      delete github.installation.permissions[name]
      await expect(lend()).rejects.toMatchObject({ code: 'target-refused' })
    },
  )

  test('where it has ended already', async () => {
    desk.archived = true
    await expect(lend()).rejects.toMatchObject({ detail: expect.stringContaining('archived') })
  })

  test('where it is not named by its id', () => {
    const { id: _, ...nameless } = object
    expect(() => githubConnector.parseObject(nameless)).toThrow(/`id`/)
    expect(githubConnector.parseObject(object)).toEqual(object)
    expect(() => githubConnector.parseObject({ ...object, ends: false })).toThrow(/ends/)
  })
})
