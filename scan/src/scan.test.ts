/** A pretend organisation is scanned as a person would, with the clock turned by hand. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { msBetween } from '../../src/core/base/time.ts'
import { newPerson } from '../../test/fakes/github/state.ts'
import { type FakeGithub, startFakeGithub } from '../../test/fakes/github.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { newSecret, type Planted, plantOrganisation } from '../../test/support/scan-world.ts'
import { exits, type Host, runScan } from './run.ts'

interface Reported {
  readonly isWhole: boolean
  readonly things: { id: string; notes: string[]; kind: string; isOwnerless: boolean }[]
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
    githubToken: async () => '',
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
  expect(statSync(join(folder, 'report.html')).mode & 0o077).toBe(0)
})

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
