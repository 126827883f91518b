import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { IssuedLeaseView } from '../../../src/doors/api/contract.ts'
import { runFolder } from '../files.ts'
import { closed, ended, proxied, runAnswers, signedInHome, startCli } from '../test/running.ts'
import { type Stub, startStub } from '../test/stub.ts'

/** Made here, never a real one. */
const secret = `s3cr/t ${Math.random()}`
let stub: Stub
let home: string

beforeAll(async () => {
  stub = await startStub(runAnswers(secret))
})
afterAll(async () => stub.stop())
beforeEach(async () => {
  stub.asked.length = 0
  home = await signedInHome(stub)
  return () => rm(home, { recursive: true })
})

const node = (code: string) => [process.execPath, '-e', code]
const start = (argv: readonly string[], env = {}) => startCli({ stub, home, env }, argv)

/** In the command: what it was given, its files among it, and who may read those. */
const tell = `const { readFileSync, statSync } = require('node:fs'); const { dirname } = require('node:path')
  const files = Object.values(process.env).filter(value => /leasehold-\\w{6}\\/\\w+/.test(value))
  const look = file => ({ file, text: readFileSync(file, 'utf8'), mode: statSync(file).mode & 0o777, around: statSync(dirname(file)).mode & 0o777 })
  console.log(JSON.stringify({ env: process.env, argv: process.argv, files: files.map(look) }))`
interface Told {
  readonly env: Record<string, string>
  readonly argv: string[]
  readonly files: { file: string; text: string; mode: number; around: number }[]
}

describe('a credential in files', () => {
  const viaFile = ['run', '--as', 'deal-desk', '--via', 'file', '--need', 'crm.deals:read', '--']
  const filed = async (code: string, env = {}) => ended(start([...viaFile, ...node(code)], env))

  test('is the one of the environment to policy, in a folder of this run alone, and in no variable', async () => {
    const { out, err } = await filed(tell, { PGPASSWORD: 'old', DATABASE_URL_FILE: 'old' })
    const asked = stub.asked.find(({ path }) => path === '/v1/leases')
    expect(JSON.parse(asked?.body ?? '')).toMatchObject({ via: 'env' })
    const { env, argv, files } = JSON.parse(out) as Told
    const text = (name: string) => files.find(({ file }) => file === env[name])?.text
    expect(text('PGPASSWORD_FILE')).toBe(secret)
    expect(decodeURIComponent(new URL(text('DATABASE_URL_FILE') ?? '').password)).toBe(secret)
    expect(text('DATABASE_URL_CRM_DEALS_FILE')).toBe(text('DATABASE_URL_FILE'))
    expect(text('PGPASSFILE')).toContain(secret)
    expect(env).not.toHaveProperty('PGPASSWORD')
    expect(env).not.toHaveProperty('DATABASE_URL')
    for (const said of [JSON.stringify(env), JSON.stringify(argv), err])
      for (const form of [secret, encodeURIComponent(secret)]) expect(said).not.toContain(form)
    expect(files).toHaveLength(5)
    for (const { mode, around } of files) expect([mode, around]).toEqual([0o600, 0o700])
    for (const { file } of files) expect(existsSync(dirname(file))).toBe(false)
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'is gone when %s ends the command',
    async signal => {
      const child = start([...viaFile, ...node(`${tell}; setInterval(() => {}, 9e3)`)])
      const [chunk] = (await once(child.stdout ?? child, 'data')) as [Buffer]
      const { files } = JSON.parse(String(chunk)) as Told
      for (const { file } of files) expect(existsSync(file)).toBe(true)
      const end = ended(child)
      child.kill(signal)
      expect(await end).toMatchObject({ signal })
      for (const { file } of files) expect(existsSync(dirname(file))).toBe(false)
    },
  )

  test('is not there for a command that could not be started', async () => {
    const shared = join(home, 'runtime')
    await mkdir(shared)
    const env = { XDG_RUNTIME_DIR: shared }
    expect(await ended(start([...viaFile, 'no-such-command-here'], env))).toMatchObject({
      code: 127,
    })
    expect(await readdir(shared)).toEqual([])
  })

  test('is nothing that a system over HTTP has: the lease is given back, and that is said', async () => {
    const kept = stub.answers['POST /v1/leases'] as IssuedLeaseView
    const handle = { ...kept.handle, connect: { path: '/v1', speaks: 'http' } }
    stub.answers['POST /v1/leases'] = { ...kept, handle }
    const { code, err } = await filed('0')
    stub.answers['POST /v1/leases'] = kept
    expect(code).toBe(125)
    expect(err).toContain('it is used through the gateway alone')
    expect(stub.asked.map(({ method, path }) => `${method} ${path}`).at(-1)).toBe(closed)
  })
})

describe('a database behind the gateway', () => {
  test('is known to tools that take no address, by files that hold the word alone', async () => {
    const kept = stub.answers['POST /v1/leases']
    const word = `w0rd:${Math.random()}`
    stub.answers['POST /v1/leases'] = proxied(word)
    const words = ['run', '--as', 'deal-desk', '--need', 'crm.deals:read', '--']
    const { out } = await ended(start([...words, ...node(tell)]))
    stub.answers['POST /v1/leases'] = kept
    const { env, files } = JSON.parse(out) as Told
    const [service, pass] = ['PGSERVICEFILE', 'PGPASSFILE'].map(name =>
      files.find(({ file }) => file === env[name]),
    )
    expect(env['PGSERVICE']).toBe('crm.deals')
    expect(service?.text).toBe(
      `[crm.deals]\nhost=127.0.0.1\nport=${env['PGPORT']}\ndbname=crm\nuser=lh_deal_desk_7k2q\npassword=${word}\n`,
    )
    expect(pass?.text).toBe(
      `127.0.0.1:${env['PGPORT']}:crm:lh_deal_desk_7k2q:${word.replace(':', '\\:')}`,
    )
    expect([service?.mode, pass?.mode, pass?.around]).toEqual([0o600, 0o600, 0o700])
    expect(existsSync(dirname(pass?.file ?? ''))).toBe(false)
  })
})

describe('files', () => {
  test('of a run are in memory where there is a place, and else on disk, which is known', async () => {
    const [disk, shared] = [runFolder({}, '/nowhere'), runFolder({ XDG_RUNTIME_DIR: home })]
    expect(disk.isInMemory).toBe(false)
    const file = disk.write('word', 'x')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(() => disk.write('word', 'y')).toThrow(/can not be used/)
    disk.remove()
    expect(existsSync(dirname(file))).toBe(false)
    // A folder that says it is for this, and is on disk.
    const isThere = existsSync('/dev/shm')
    expect(shared.isInMemory).toBe(isThere)
  })
})
