/** A pretend organisation is scanned as a person would, with the clock turned by hand. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { msBetween } from '../../src/core/base/time.ts'
import { newPerson } from '../../test/fakes/github/state.ts'
import { type FakeGithub, startFakeGithub } from '../../test/fakes/github.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { newSecret, type Planted, plantOrganisation } from '../../test/support/scan-world.ts'
import { exits, type Host, runScan } from './run.ts'

interface Reported {
  readonly isWhole: boolean
  readonly things: {
    id: string
    notes: string[]
    kind: string
    isOwnerless: boolean
    isUnnamed: boolean
  }[]
  readonly unseen: { what: string; needs: string; times: number }[]
  readonly calls: { shape: string; times: number }[]
  readonly totals: Record<string, number>
}

let clock: HandClock
let github: FakeGithub
let folder: string
let said: { out: string; err: string }
const token = `ghp_${'x'.repeat(4)}${Math.random().toString(36).slice(2)}`

beforeEach(async () => {
  clock = handClock()
  github = await startFakeGithub(clock)
  folder = mkdtempSync(join(tmpdir(), 'scan-test-'))
  said = { out: '', err: '' }
  return async () => {
    expect(github.breaches).toEqual([])
    await github.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

function run(argv: readonly string[], more: Partial<Host> = {}): Promise<number> {
  return runScan({
    argv,
    env: { GITHUB_TOKEN: token, GITHUB_API_URL: github.url },
    cwd: folder,
    stdout: { write: text => (said.out += text) },
    stderr: { write: text => (said.err += text) },
    clock,
    sleep: async ms => clock.advance(ms),
    fetch,
    tool: async () => '',
    awsKeys: async () => undefined,
    signal: new AbortController().signal,
    ...more,
  })
}

const read = (name: string) => readFileSync(join(folder, name), 'utf8')
const reported = () => JSON.parse(read('report.json')) as Reported

test('an organisation of 300 repositories is named in fifteen minutes, read only, without a secret', async () => {
  github.people.set(token, newPerson('owner'))
  const planted = plantOrganisation(github, 7, { repositories: 300, identities: 1_000, facts: 60 })
  // Each answer takes its time.
  github.fault = () => {
    clock.advance(200)
    return undefined
  }
  const began = clock.now()

  expect(await run(['github:acme'])).toBe(exits.whole)

  expect(msBetween(began, clock.now()) / 60_000).toBeLessThanOrEqual(15)
  const { things, unseen, isWhole, calls } = reported()
  expect(isWhole).toBe(true)
  const named = new Set(things.map(({ id }) => id))
  const missing = planted.ids.filter(id => !named.has(id))
  expect(1 - missing.length / planted.ids.length).toBeGreaterThanOrEqual(0.95)
  expect(planted.facts.filter(({ id }) => !named.has(id))).toEqual([])
  expect(planted.facts).toHaveLength(60)
  expectHidden(planted, unseen)
  // The fake's own list: nothing but reading reached it, and each call is told.
  expect(github.seen.filter(({ asked }) => !asked.startsWith('GET '))).toEqual([])
  expect(calls.reduce((sum, { times }) => sum + times, 0)).toBe(github.seen.length)
  expectNoSecret([...planted.secrets, token])
  expectSarif(planted.facts.filter(({ what }) => what === 'AWS keys'))
  expect(statSync(join(folder, 'report.html')).mode & 0o077).toBe(0)
}, 120_000)

/** The parts of SARIF 2.1.0 that collectors read. */
function expectSarif(bad: readonly { id: string }[]): void {
  const { version, runs } = JSON.parse(read('report.sarif')) as {
    version: string
    runs: {
      tool: { driver: { rules: { id: string }[] } }
      results: {
        ruleId: string
        level: string
        message: { text: string }
        locations: { logicalLocations: { fullyQualifiedName: string }[] }[]
        partialFingerprints: Record<string, string>
      }[]
    }[]
  }
  expect(version).toBe('2.1.0')
  const [{ tool, results } = { tool: { driver: { rules: [] } }, results: [] }] = runs
  const rules = tool.driver.rules.map(({ id }) => id)
  expect(results.filter(({ ruleId, message }) => !rules.includes(ruleId) || !message.text)).toEqual(
    [],
  )
  const prints = results.map(({ partialFingerprints }) => partialFingerprints['leasehold/v1'])
  expect(new Set(prints).size).toBe(results.length)
  const of = (id: string) =>
    results.filter(({ locations }) => locations[0]?.logicalLocations[0]?.fullyQualifiedName === id)
  for (const { id } of bad)
    expect(of(id)).toContainEqual(
      expect.objectContaining({ ruleId: 'LH-SCAN-CI-KEY', level: 'error' }),
    )
  expect(bad.length).toBeGreaterThan(0)
}

function expectHidden({ hidden }: Planted, unseen: Reported['unseen']): void {
  for (const name of hidden) expect(read('report.json')).not.toContain(name)
  expect(unseen.map(({ what }) => what)).toContain('fine-grained tokens of members')
  expect(unseen.map(({ what }) => what)).toContain('classic tokens and SSH keys of people')
}

function expectNoSecret(secrets: readonly string[]): void {
  for (const name of ['report.html', 'report.json', 'report.sarif'])
    expect(secrets.filter(secret => read(name).includes(secret))).toEqual([])
  expect(secrets.filter(secret => (said.out + said.err).includes(secret))).toEqual([])
}

test('a secret that somebody put into a name is not in a report, and the thing is', async () => {
  github.people.set(token, newPerson('owner'))
  const planted = { secrets: [] as string[] }
  const [desk] = github.repositories
  const secrets = Array.from({ length: 4 }, () => newSecret(planted))
  desk?.keys.push(...secrets.map((title, id) => ({ id, title: `key ${title}`, added_by: 'maya' })))

  expect(await run(['github:acme'])).toBe(exits.whole)

  expect(reported().things.filter(({ kind }) => kind === 'deploy key')).toHaveLength(4)
  expectNoSecret(secrets)
})

describe('a report says', () => {
  beforeEach(() => {
    github.people.set(token, newPerson('owner'))
  })

  test('what a member who owns nothing is not shown, and which right would show it', async () => {
    const role = (one: { name: string }) => (one.name === 'site' ? 'admin' : 'pull')
    github.people.set(token, newPerson('maya', { isOwner: false, role }))
    for (const each of github.repositories)
      each.keys.push({ id: each.id, title: 'k', added_by: 'x' })
    github.of.apps.push({ id: 9, app_slug: 'hidden-app' })

    expect(await run(['github:acme'])).toBe(exits.whole)

    const { things, unseen } = reported()
    expect(things.filter(({ kind }) => kind === 'deploy key').map(({ id }) => id)).toEqual([
      'key acme/site 1003',
    ])
    const needs = (what: string) => unseen.find(each => each.what === what)
    expect(needs('deploy keys')).toMatchObject({ times: 2 })
    expect(needs('deploy keys')?.needs).toContain('`admin`')
    expect(needs('installations of other Apps')?.needs).toContain('admin:org')
    // What it may not see it does not ask for, in each repository again.
    expect(github.seen.filter(({ asked }) => /\/repos\/acme\/billing\/keys/.test(asked))).toEqual(
      [],
    )
  })

  test('that nobody has left, where it can not see all members', async () => {
    github.people.set(token, newPerson('outsider', { isMember: false }))
    github.repositories[0]?.keys.push({ id: 5, title: 'k', added_by: 'tom' })
    expect(await run(['github:acme'])).toBe(exits.whole)
    const key = reported().things.find(({ id }) => id.endsWith(' 5'))
    expect(key?.isOwnerless).toBe(false)
    expect(reported().unseen.map(({ what }) => what.slice(0, 20))).toContain('members who hide tha')
  })

  test('that it is incomplete, where a source can not be read; the others go on', async () => {
    const code = await run(['github:acme', 'aws', 'slack'])
    expect(code).toBe(exits.notAllRead)
    expect(said.out).toContain('aws was not read')
    const page = read('report.html')
    expect(page).toContain('This report is incomplete')
    expect(page).toContain('SLACK_TOKEN is not set')
    expect(reported().isWhole).toBe(false)
    expect(JSON.parse(read('report.sarif'))).toMatchObject({
      runs: [{ invocations: [{ executionSuccessful: false }] }],
    })
  })

  test('that it was broken off, where GitHub stops answering in the middle', async () => {
    const [first, , last] = github.repositories
    const dates = { created_at: '2025-01-01T00:00:00Z', updated_at: '2025-01-01T00:00:00Z' }
    for (const each of [first, last]) each?.secrets.push({ name: 'KEY', ...dates })
    for (const each of github.repositories) each.files = new Map([['README.md', 'x']])
    const [name] = [first?.name ?? '']
    github.fault = asked =>
      asked.includes(`/repos/acme/${name}/hooks`) || asked.includes(`/repos/acme/${name}/contents`)
        ? { status: 500 }
        : undefined
    expect(await run(['github:acme'])).toBe(exits.notAllRead)
    expect(said.out).toContain('github:acme was broken off: GitHub did not answer 2 of its lists')
    const secrets = reported().things.filter(({ kind }) => kind === 'Actions secret')
    expect(secrets.map(({ isUnnamed }) => isUnnamed)).toEqual([false, true])
  })

  test('that it was broken off, where GitHub answers nothing any more', async () => {
    github.fault = asked => (/\/repos\//.test(asked) ? { status: 500 } : undefined)
    expect(await run(['github:acme'])).toBe(exits.notAllRead)
    expect(said.out).toContain('github:acme was broken off: GitHub answered 500.')
    expect(github.seen.length).toBeLessThan(100)
  })

  test('of nobody that they have left, where the list of members broke off', async () => {
    github.members = Array.from({ length: 31 }, (_, i) => ({ login: `member-${i}`, id: i + 1 }))
    const [desk] = github.repositories
    const path = '.github/workflows/ship.yml'
    const step = `run: echo \${{ secrets.KEY }}`
    const job = `jobs: { ship: { runs-on: x, steps: [{ ${step.replace('run: ', "run: '")}' }] } }`
    Object.assign(desk ?? {}, {
      files: new Map([[path, job]]),
      changes: new Map([[path, { login: 'member-30', at: clock.now() }]]),
    })
    const isOwnerless = async () => {
      await run(['github:acme'])
      return reported().things.find(({ kind }) => kind.startsWith('CI job'))?.isOwnerless
    }
    expect(await isOwnerless()).toBe(false)
    github.fault = asked => (/members\?.*page=2/.test(asked) ? { status: 500 } : undefined)
    expect(await isOwnerless()).toBe(false)
    // Where it is whole and they are not in it, they have left.
    github.fault = () => undefined
    github.members.pop()
    expect(await isOwnerless()).toBe(true)
  })

  test('that a token is not taken, and nothing was read', async () => {
    const env = { GITHUB_TOKEN: 'another', GITHUB_API_URL: github.url }
    expect(await run(['github:acme'], { env })).toBe(exits.notAllRead)
    expect(said.out).toContain('github:acme was not read: GitHub does not take our credential.')
  })

  test('nothing of trouble that passes', async () => {
    let times = 0
    github.fault = asked => (/hooks/.test(asked) && times++ < 2 ? { status: 502 } : undefined)
    expect(await run(['github:acme'])).toBe(exits.whole)
  })

  test('what was seen until a person wanted no more', async () => {
    const stop = new AbortController()
    github.fault = asked => {
      if (/\/orgs\/acme\/actions\/secrets/.test(asked)) stop.abort()
      return undefined
    }
    github.members = [{ login: 'maya', id: 1 }]
    expect(await run(['github:acme'], { signal: stop.signal })).toBe(exits.stopped)
    expect(reported().things.map(({ id }) => id)).toContain('account acme 1')
    expect(read('report.html')).toContain('Stopped before its end.')
  })

  test('nothing, where no source could be opened', async () => {
    expect(await run(['aws', 'gcp'])).toBe(exits.usage)
    expect(await run(['github:acme', 'postgres://a:hunter2@db/x'])).toBe(exits.usage)
    expect(said.err).not.toContain('hunter2')
    expect(readdirSync(folder)).toEqual([])
    expect(github.seen).toEqual([])
  })
})

test('when the hour is spent it waits for the next, says until when, and goes on', async () => {
  const owner = newPerson('owner')
  Object.assign(owner, { used: 4_990, resetAtMs: Date.parse(clock.now()) + 20 * 60_000 })
  github.people.set(token, owner)
  const began = clock.now()
  expect(await run(['github:acme'])).toBe(exits.whole)
  const minutes = msBetween(began, clock.now()) / 60_000
  expect(minutes).toBeGreaterThan(19)
  expect(minutes).toBeLessThan(61)
  expect(said.err).toMatch(/github:acme lets us go on at \d\d:\d\d/)
})

test('what is known is not unknown, and has the owner that was written down', async () => {
  github.people.set(token, newPerson('owner'))
  github.of.apps.push({ id: 9, app_slug: 'poll' }, { id: 10, app_slug: 'other' })
  writeFileSync(join(folder, 'known.tsv'), '# what we know\napp acme 9\tAmara\n')
  expect(await run(['github:acme', '--known', 'known.tsv', '--json'])).toBe(exits.whole)
  expect(JSON.parse(said.out)).toMatchObject({ identitiesAndKeys: 2, unknown: 1, ownerless: 1 })
})

test.each([
  [['--ouput', 'x.html', 'github:acme']],
  [['github:acme', '--out', 'report.txt']],
  [['github:acme', '--known', 'missing.tsv']],
])('%j is wrong usage', async argv => {
  expect(await run(argv)).toBe(exits.usage)
  expect(said.err).toMatch(/^✕ .*\n {2}Next {2}.+\n$/)
  said.out = ''
  expect(await run([...argv, '--json'])).toBe(exits.usage)
  expect(JSON.parse(said.out)).toMatchObject({ schema: 'leasehold/v1', status: 'error', exit: 2 })
})
