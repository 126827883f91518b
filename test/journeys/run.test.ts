/**
 * `run` as a person types it: the real command line, the real server and a real PostgreSQL. What the
 * command is given works while it runs and at this door alone; the credential is nowhere near it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signInLink } from '../../demo/people.ts'
import { type Company, connectSales, expectStatus, startCompany } from './company.ts'

const main = resolve(import.meta.dirname, '../../cli/src/main.ts')
const driver = import.meta.resolve('pg')
let company: Company
let token: string
let home: string

/** An app of Sam's that he runs from his own machine: attended, on his behalf. */
beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  const { running, as } = company
  token = (await signInLink(running.issuer, running.address, await running.signInLink())).token
  const [sam, tom] = [as('sam'), as('tom')]
  const columns = [{ name: 'id', class: 'internal' }]
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example', columns }
  const twin = { slug: 'crm.ids', target: 'crm', object: company.sales?.deals, ...owned }
  await expectStatus(201, sam('POST', '/v1/resources', twin))
  const backup = { purpose: 'looks at deals', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', { ...backup, slug: 'board' }))
  const need = (name: string) => `      - resource: ${name}\n        actions: [read]\n`
  const needs = `    needs:\n${need('crm.deals')}${need('crm.ids')}`
  const yaml = `app: board\npurposes:\n  look:\n    says: Looks at deals\n${needs}`
  await expectStatus(200, sam('PUT', '/v1/apps/board/manifest', { yaml }))
  const trust = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  // Who owns an app may do its work: nobody else needs to agree to that.
  await expectStatus(201, sam('POST', '/v1/apps/board/trust', trust))
  for (const resource of ['crm.deals', 'crm.ids']) {
    const grant = { app: 'board', resource, actions: ['read'], reason: 'to look' }
    const asked = (await expectStatus(201, sam('POST', '/v1/requests', grant))).body
    const yes = { says: 'yes', bodyHash: asked.bodyHash }
    await expectStatus(200, tom('POST', `/v1/requests/${asked.id}/answer`, yes))
  }
  await running.world.settle()
}, 120_000)
afterAll(() => company?.stop())

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'leasehold-run-'))
  await mkdir(join(home, '.leasehold'), { mode: 0o700 })
  const { address: url, issuer } = company.running
  const hint = { url, issuer, token, controlUrl: url, controlWord: '-' }
  const file = join(home, '.leasehold/demo.json')
  await writeFile(file, JSON.stringify(hint), { mode: 0o600 })
  return () => rm(home, { recursive: true })
})

function run(code: string, ...more: string[]): ChildProcess {
  const words = ['run', '--as', 'board', '--need', 'crm.deals:read', ...more, '--']
  const script = `import pg from ${JSON.stringify(driver)}
    const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
    const out = value => console.log(JSON.stringify(value))
    client.on('error', error => { out({ code: error.code, message: error.message }); process.exit(9) })
    await client.connect()
    ${code}`
  return lh(...words, process.execPath, '--input-type=module', '-e', script)
}

function lh(...words: string[]): ChildProcess {
  const env = { PATH: process.env['PATH'], HOME: home, TZ: 'UTC' }
  return spawn(process.execPath, [main, ...words], { cwd: home, env })
}

/** Values the command printed, one a line; and how it ended. */
async function ended(child: ChildProcess) {
  let [out, err] = ['', '']
  child.stdout?.on('data', chunk => (out += String(chunk)))
  child.stderr?.on('data', chunk => (err += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  const values = out.split('\n').filter(line => line !== '')
  return { code, err, said: values.map(line => JSON.parse(line)) }
}

async function firstWord(child: ChildProcess) {
  const [chunk] = (await once(child.stdout ?? child, 'data')) as [Buffer]
  return JSON.parse(String(chunk).split('\n')[0] ?? '')
}

/** The credential of the newest lease: what nobody but the server ever has. */
async function newestSecret(): Promise<{ id: string; secret: string }> {
  const { world } = company.running
  const [row] = await world.store.query<{ id: never; salt: string }>(
    `select lease.id, salt from lease join lease_salt on lease_id = lease.id
     order by made_at desc limit 1`,
  )
  if (row === undefined) throw new Error('there is no lease')
  return { id: row.id, secret: world.leaseSecret(row.id, row.salt) }
}

function filesBelow(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true })
  return all.filter(each => each.isFile()).map(each => join(each.parentPath, each.name))
}

/** PostgreSQL's own client, where there is one: npm brings none. */
const psql = [process.env['LEASEHOLD_TEST_PG_BIN'] ?? '', '/usr/bin']
  .map(folder => join(folder, 'psql'))
  .find(file => existsSync(file))

describe.runIf(psql)('psql', () => {
  test('reads the deals through the gateway, and is told in its own words what it may not', async () => {
    const words = ['run', '--as', 'board', '--need', 'crm.deals:read', '--', psql ?? '', '-XAt']
    const read = await ended(lh(...words, '-c', 'select count(*) from crm.deals'))
    expect(read).toMatchObject({ code: 0, said: [20] })
    const written = await ended(lh(...words, '-c', 'delete from crm.deals'))
    expect(written.code).toBe(1)
    expect(written.err).toMatch(/permission denied for table deals/)
  })

  const count = ['-XAt', '-c', 'select count(*) from crm.deals']
  const asRun = (more: string[], ...command: string[]) =>
    ended(lh('run', '--as', 'board', '--need', 'crm.deals:read', ...more, '--', ...command))
  /** Whatever else is set: only the service and its files say where, who and by what. */
  const bare = ['env', '-u', 'PGHOST', '-u', 'PGPORT', '-u', 'PGUSER', '-u', 'PGDATABASE']

  test.each([
    ['as it is', [], [psql ?? '']],
    ['by the name of the resource', [], [psql ?? '', 'service=crm.deals']],
    ['by its service alone', [], [...bare, '-u', 'PGPASSWORD', psql ?? '']],
    ['with the credential itself in a file', ['--via', 'file'], [psql ?? '']],
    ['with it in a file, by name', ['--via', 'file'], [psql ?? '', 'service=crm.deals']],
    ['with it in the environment', ['--via', 'env'], [psql ?? '', 'service=crm.deals']],
  ])('is let in %s', async (_, more, command) => {
    expect(await asRun(more, ...command, ...count)).toMatchObject({ code: 0, said: [20] })
  })

  test.each([
    ['through the gateway', []],
    ['with the credentials in files', ['--via', 'file']],
  ])('reaches each of two needs by its name, as who was let in for that: %s', async (_, more) => {
    const who = ['-XAt', '-c', `select to_json(current_user)`]
    const both = ['--need', 'crm.ids:read', ...more]
    const one = (name: string) =>
      `'${psql}' service=${name} ${who.slice(0, 2).join(' ')} "${who[2]}"`
    const { code, said, err } = await asRun(
      both,
      'sh',
      '-ec',
      `${one('crm.deals')}; ${one('crm.ids')}`,
    )
    expect({ code, err }).toMatchObject({ code: 0 })
    expect(said).toEqual([expect.stringMatching(/^lh_\w+_board_/), expect.stringMatching(/^lh_/)])
    expect(said[0]).not.toBe(said[1])
  })

  test('is let in by the file of passwords, which is nobody else’s to read', async () => {
    const line = 'exec "$0" "host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE" "$@"'
    const alone = ['env', '-u', 'PGPASSWORD', '-u', 'PGSERVICE', '-u', 'PGSERVICEFILE']
    const read = await asRun([], ...alone, 'sh', '-c', line, psql ?? '', ...count)
    expect(read).toMatchObject({ code: 0, said: [20] })
  })
})

describe('a command under `run`', () => {
  test('reads, ends with its own code, and its lease is gone with it', async () => {
    const { code, said, err } = await ended(
      run(`out((await client.query('select id from crm.deals')).rowCount); process.exit(3)`),
    )
    expect({ code, said, err }).toMatchObject({ code: 3, said: [20] })
    expect(err).toMatch(/released after .* verified gone/)
  })

  test('has a word and a door, and the credential nowhere: environment, arguments, files', async () => {
    const child = run(`
      out({ pid: process.pid, env: process.env, argv: [process.argv, process.execArgv] })
      process.stdin.once('data', () => process.exit(0))`)
    const { pid, env, argv } = await firstWord(child)
    const { secret } = await newestSecret()
    const url = new URL(env.DATABASE_URL)
    expect(url.hostname).toBe('127.0.0.1')
    expect(url.port).not.toBe(String(company.sales?.server.port))
    expect(env).toMatchObject({ PGPASSWORD: url.password, PGPORT: url.port, PGSSLMODE: 'disable' })
    const seen = [
      JSON.stringify([env, argv]),
      ...[home, dirname(env.PGPASSFILE)].flatMap(filesBelow).map(f => readFileSync(f, 'utf8')),
    ]
    if (existsSync('/proc/self/environ'))
      for (const of of [pid, child.pid])
        for (const what of ['environ', 'cmdline'])
          seen.push(readFileSync(`/proc/${of}/${what}`, 'latin1'))
    for (const text of seen) expect(text.includes(secret)).toBe(false)
    // The word is not the credential, and the target does not know it.
    expect(url.password).not.toBe(secret)
    const { host, port } = company.sales?.server ?? { host: '', port: 0 }
    const at = { host, port, database: 'crm', user: url.username }
    const direct = async (password: string) => {
      const client = new pg.Client({ ...at, password })
      client.on('error', () => {})
      try {
        await client.connect()
      } finally {
        await client.end()
      }
    }
    await expect(direct(url.password)).rejects.toMatchObject({ code: '28P01' })
    await expect(direct(secret)).resolves.toBeUndefined()
    // Dead with the command: the door, and behind it the lease.
    child.stdin?.write('\n')
    await once(child, 'close')
    const late = new pg.Client({ connectionString: env.DATABASE_URL })
    late.on('error', () => {})
    await expect(late.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await expect(direct(secret)).rejects.toMatchObject({ code: '28P01' })
  })

  test('gets the credential itself only where it says so and policy permits', async () => {
    const { said } = await ended(
      run(
        `out({ url: process.env.DATABASE_URL, n: (await client.query('select id from crm.deals')).rowCount })
        await client.end()`,
        '--via',
        'env',
      ),
    )
    const { secret } = await newestSecret()
    expect(said).toMatchObject([{ n: 20 }])
    expect(said[0].url).toContain(encodeURIComponent(secret))
  })

  test('gets it in files of its own where it says so, and nothing is left of them', async () => {
    const script = `import { readFileSync } from 'node:fs'
      const { env } = process
      console.log(JSON.stringify({ env, text: readFileSync(env.PGPASSWORD_FILE, 'utf8') }))`
    const words = ['run', '--as', 'board', '--need', 'crm.deals:read', '--via', 'file', '--']
    const node = [process.execPath, '--input-type=module', '-e', script]
    const { said, code } = await ended(lh(...words, ...node))
    const { secret } = await newestSecret()
    expect({ code, text: said[0].text }).toEqual({ code: 0, text: secret })
    expect(JSON.stringify(said[0].env)).not.toContain(secret)
    expect(existsSync(dirname(said[0].env.PGPASSWORD_FILE))).toBe(false)
  })

  test('is told by the database why it was cut, when its app is paused', async () => {
    const child = run(`out('up'); setInterval(() => {}, 9e3)`)
    const end = ended(child)
    await once(child.stdout ?? child, 'data')
    const reason = { reason: 'something looks wrong' }
    await expectStatus(200, company.as('sam')('POST', '/v1/apps/board/pause', reason))
    const { code, said } = await end
    await expectStatus(200, company.as('sam')('POST', '/v1/apps/board/resume'))
    await company.running.world.settle()
    expect(code).toBe(9)
    expect(said.at(-1)).toMatchObject({ code: '57P01' })
    expect(said.at(-1).message).toMatch(/rule app-not-running/)
  })
})

describe('a run longer than a token lives', () => {
  test('gets another token for the same task by exchanging again', async () => {
    const form = (run: string) =>
      new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        scope: 'look',
        identity: 'board/run',
        run,
      })
    const exchange = async (run: string) => {
      const url = `${company.running.address}/oauth/token`
      const answer = await fetch(url, { method: 'POST', body: form(run) })
      return (await answer.json()) as Record<string, string>
    }
    const [first, again, other, odd] = [
      await exchange('a-run-of-its-own-1'),
      await exchange('a-run-of-its-own-1'),
      await exchange('a-run-of-its-own-2'),
      await exchange('short'),
    ]
    expect(again['task']).toBe(first['task'])
    expect(again['access_token']).not.toBe(first['access_token'])
    expect(other['task']).not.toBe(first['task'])
    expect(odd['error']).toBe('invalid_request')
  })
})
