/** Secrets come from the environment and from files of one's own, and from nowhere else. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { handClock } from '../../test/support/clock.ts'
import { type Env, openSource } from './arguments.ts'
import { Calls, type Going } from './outgoing.ts'

const home = mkdtempSync(join(tmpdir(), 'scan-home-'))
afterAll(() => rmSync(home, { recursive: true }))

const going: Going = {
  clock: handClock(),
  calls: new Calls(),
  sleep: async () => {},
  waiting: () => {},
  fetch: async () => Promise.reject(new Error('nothing is asked here')),
}
const open = (typed: string, env: Env = {}, gh = '') =>
  openSource(typed, {
    env: { HOME: home, ...env },
    going,
    tool: async () => gh,
    awsKeys: async () => undefined,
  })

describe('a password in what was typed', () => {
  test.each([
    ['postgres://maya:hunter2@db/crm', /PGPASSWORD/],
    ['postgresql://maya:hunter2@db', /PGPASSWORD/],
    ['mysql://root:hunter2@db', /MYSQL_PWD/],
    ['redis://:hunter2@cache', /REDISCLI_AUTH/],
  ])('%s is refused, with the next step and without the password', async (typed, next) => {
    const env = { PGPASSWORD: 'x', MYSQL_PWD: 'x', REDISCLI_AUTH: 'x' }
    const problem = await open(typed, env).catch((thrown: unknown) => thrown)
    expect(problem).toMatchObject({ detail: expect.stringContaining('not used') })
    expect(problem).toHaveProperty('next', expect.stringMatching(next))
    expect(JSON.stringify(problem)).not.toContain('hunter2')
  })
})

describe('a source', () => {
  test.each([
    ['github:acme', { GITHUB_TOKEN: 'a' }, 'github:acme'],
    ['github:acme', { GH_TOKEN: 'a' }, 'github:acme'],
    [
      'postgres://maya@db.internal:6432/crm',
      { PGPASSWORD: 'a' },
      'postgres://db.internal:6432/crm',
    ],
    ['postgresql://db/crm', { PGPASSWORD: 'a', PGUSER: 'maya' }, 'postgres://db/crm'],
    ['mariadb://root@db', { MYSQL_PWD: 'a' }, 'mysql://db'],
    ['rediss://cache', { REDISCLI_AUTH: 'a' }, 'rediss://cache'],
    ['slack', { SLACK_TOKEN: 'xoxb-1' }, 'slack'],
    ['notion', { NOTION_TOKEN: 'a'.repeat(30) }, 'notion'],
  ])('%s is opened', async (typed, env, name) => {
    expect((await open(typed, env)).name).toBe(name)
  })

  test('of GitHub takes the token gh is signed in with, where none is set', async () => {
    expect((await open('github:acme', {}, 'from-gh')).name).toBe('github:acme')
    await expect(open('github:acme')).rejects.toThrow('no token for GitHub')
  })

  test.each([
    ['ftp', 'no source that is known'],
    ['aws', 'no credentials for AWS'],
    ['aws:prod', 'no source that is known'],
    ['github:../admin', 'name of an organisation'],
    ['github:acme/desk', 'name of an organisation'],
    ['slack:acme', 'no source that is known'],
    ['https://db/crm', 'no source that is known'],
    ['postgres://maya@db/crm?options=-c', 'is not known in such an address'],
    ['slack', 'SLACK_TOKEN is not set'],
    ['snowflake:ACME-ONE', 'SNOWFLAKE_PRIVATE_KEY_FILE is not set'],
    ['postgres://maya@db/crm', 'no password'],
  ])('%s is refused, and says why', async (typed, why) => {
    await expect(open(typed)).rejects.toThrow(why)
  })
})

test.each(['http://github.acme.example/api/v3', 'ftp://x', 'https://u:p@github.example', ''])(
  'a token is not sent to %s',
  async url => {
    const opening = open('github:acme', { GITHUB_TOKEN: 'a', GITHUB_API_URL: url })
    if (url === '') await expect(opening).resolves.toHaveProperty('name')
    else await expect(opening).rejects.toThrow('no address')
  },
)

describe("PostgreSQL's own file of passwords", () => {
  const file = join(home, '.pgpass')
  const write = (text: string, mode: number) => {
    writeFileSync(file, text)
    chmodSync(file, mode)
  }

  test('gives the password of the line that fits', async () => {
    write('# a\nother:*:*:*:no\ndb:5432:crm:maya:pa\\:ss\n*:*:*:tom:any\n', 0o600)
    expect((await open('postgres://maya@db/crm')).name).toBe('postgres://db/crm')
    expect((await open('postgres://tom@elsewhere/x')).name).toBe('postgres://elsewhere/x')
    await expect(open('postgres://amara@db/crm')).rejects.toThrow('no password')
  })
  test('is not used where others may read it', async () => {
    write('*:*:*:*:open\n', 0o640)
    await expect(open('postgres://maya@db/crm')).rejects.toThrow('Others may read')
  })
})
