/**
 * git inside a run: the real git, the real command line and server, and git's own server as the target. It
 * clones and pushes by the addresses people write; the key of the host stays with us.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type GitServer, gitEnvironment, startGitServer } from '../fakes/git-server.ts'
import { defineWeb, ended, homeOfSam, makeApp, start } from './cli.ts'
import { type Company, expectStatus, startCompany } from './company.ts'

/** Both ends of it, where they are installed. */
const hasGit = (() => {
  try {
    const folder = execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim()
    return ['git-http-backend', 'git-remote-http'].every(name => existsSync(join(folder, name)))
  } catch {
    return false
  }
})()
const login = `x-access-token:${randomBytes(20).toString('base64url')}`
let company: Company
let upstream: GitServer
let folder: string
let home: string

describe.runIf(hasGit)('git', () => {
  beforeAll(async () => {
    company = await startCompany()
    folder = await mkdtemp(join(tmpdir(), 'leasehold-git-'))
    upstream = await startGitServer(folder, login)
    const config = { preset: 'git', key: login, url: upstream.url }
    const target = { slug: 'code', connector: 'http', config, production: false }
    await expectStatus(201, company.as('sam')('POST', '/v1/targets', target))
    await defineWeb(company, 'code')
    await makeApp(company, 'desk', ['code:read,write'])
  }, 120_000)
  afterAll(async () => {
    await company?.stop()
    await upstream?.close()
    await rm(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    upstream.seen.length = 0
    home = await homeOfSam(company)
    return () => rm(home, { recursive: true })
  })

  const git = (need: string, line: string, env = {}) =>
    ended(
      start(home, ['run', '--as', 'desk', '--need', need, '--', 'sh', '-ec', line], {
        ...gitEnvironment(home),
        ...env,
      }),
    )
  const clone = () => `git clone -q ${upstream.url}/acme/board.git`
  const push = 'cd board; echo x >x; git add x; git commit -qm second; git push -q origin HEAD'
  const heads = () =>
    execFileSync('git', ['-C', join(folder, 'acme/board.git'), 'log', '--format=%s'])

  test('clones by the address people write, with our key, and keeps that address', async () => {
    const { code, err } = await git('code:read', clone())
    expect({ code, err }).toMatchObject({ code: 0 })
    const kept = await readFile(join(home, 'board/.git/config'), 'utf8')
    expect(kept).toContain(`url = ${upstream.url}/acme/board.git`)
    const keys = new Set(upstream.seen.map(({ authorization }) => authorization))
    expect([...keys]).toEqual([`Basic ${Buffer.from(login).toString('base64')}`])
    expect(upstream.seen.map(({ asked }) => asked)).toEqual([
      'GET /acme/board.git/info/refs?service=git-upload-pack',
      'POST /acme/board.git/git-upload-pack',
      'POST /acme/board.git/git-upload-pack',
    ])
  })

  test('may not push where reading was asked for: nothing reaches the host, and git shows why', async () => {
    const { code, err } = await git('code:read', `${clone()}; ${push}`)
    expect(code).not.toBe(0)
    expect(err).toMatch(/remote: Leasehold: .*\n/)
    expect(err).toMatch(/error: 403/)
    expect(upstream.seen.filter(({ asked }) => asked.includes('receive-pack'))).toEqual([])
    expect(String(heads())).toBe('first\n')
  })

  test('pushes where writing was asked for', async () => {
    const { code, err } = await git('code:read,write', `${clone()}; ${push}`)
    expect({ code, err }).toMatchObject({ code: 0 })
    expect(String(heads())).toBe('second\nfirst\n')
  })

  test('gives the word to our door alone, and to nobody who stores it', async () => {
    const store = '[credential]\n\thelper = store\n[user]\n\tname = me\n'
    await writeFile(join(home, '.gitconfig'), store)
    const fill = (host: string) =>
      `printf 'protocol=http\\nhost=%s\\n\\n' ${host} | git credential fill || true`
    const { out } = await git(
      'code:read',
      `${clone()}; ${fill('${CODE_URL#http://}')}; echo; ${fill('127.0.0.1:9')}; git config user.name; git config a.b; echo "$CODE_TOKEN"`,
      { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'a.b', GIT_CONFIG_VALUE_0: 'mine' },
    )
    const [ours = '', theirs = ''] = out.split('\n\n')
    const word = out.trimEnd().split('\n').at(-1) ?? '-'
    expect(word).toMatch(/^[\w-]{43}$/)
    expect(ours).toContain(`password=${word}`)
    expect(theirs).not.toContain('password=')
    expect(theirs).toContain('me\nmine\n')
    await expect(readFile(join(home, '.git-credentials'))).rejects.toThrow(/ENOENT/)
  })
})
