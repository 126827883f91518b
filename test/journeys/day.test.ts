/**
 * A day of three teams on a real PostgreSQL, as the platform engineer types it: checked, opened through a
 * crash at every step, worked on, held, and closed; and what keeps it open meanwhile.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answer } from '../../cli/src/answer.ts'
import { type Api, accept, parse } from '../../cli/src/api.ts'
import { type Cli, Options, type Verb } from '../../cli/src/cli.ts'
import * as day from '../../cli/src/make/day/day.ts'
import { verifyReport } from '../../cli/src/make/day/report.ts'
import { Presenter } from '../../cli/src/present.ts'
import { Problem, problem } from '../../cli/src/problem.ts'
import type { PersonId } from '../../src/core/base/ids.ts'
import { signInPerson } from '../../src/core/people/sign-in.ts'
import { type Company, connectSales, expectStatus, type Name, startCompany } from './company.ts'

let company: Company
let home: string

beforeAll(async () => {
  company = await startCompany({ target: true })
  home = mkdtempSync(join(tmpdir(), 'leasehold-day-'))
  const { world } = company.running
  for (const sub of ['d1', 'e1', 'd2', 'e2', 'd3', 'e3']) {
    const person = { iss: 'https://idp.example', sub, name: sub, email: `${sub}@acme.example` }
    const { id } = await signInPerson(world, person)
    Object.assign(company.ids, { [sub]: id satisfies PersonId })
  }
  await world.settle()
  await connectSales(company)
}, 120_000)
afterAll(async () => {
  await company?.stop()
  rmSync(home, { recursive: true, force: true })
})

interface Saw {
  /** Called before and after each call that changes something. */
  readonly step?: (when: 'before' | 'after', call: string) => void
  readonly who?: Name
  readonly typed?: string
}

/** The words as they are loaded, over the API of the company in place of a network. */
function cliOf(options: Record<string, unknown>, { step, who = 'sam', typed }: Saw = {}): Cli {
  const call: Api['post'] = async (path, json, more = {}) => {
    const { method = 'POST', isLook = false } = more
    if (!isLook) step?.('before', `${method} ${path}`)
    const { status, text } = await company.as(who)(method, path, json)
    if (!isLook) step?.('after', `${method} ${path}`)
    return parse(accept({ status, text, skewMs: 0 }))
  }
  const isTTY = typed !== undefined
  const host = {
    argv: ['day'],
    env: { HOME: home },
    cwd: home,
    stdin: Object.assign(Readable.from([`${typed ?? ''}\n`]), { isTTY }),
    stdout: { write: () => {} },
    stderr: { write: () => {}, isTTY },
    now: () => Date.parse(company.clock.now()),
    sleep: async (ms: number) => wait(ms),
    umask: 0o022,
  }
  const server = { url: new URL(company.running.address), file: join(home, 'server.json') }
  const out = new Presenter(host, { isJson: true, isPlain: true, isQuiet: true, command: 'lh' })
  const api = {
    get: (path: string) => call(path, undefined, { method: 'GET', isLook: true }),
    post: call,
  }
  return { host, server, api, out, options: new Options({ input: true, ...options }) }
}

// oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever a word says
const type = async (word: Verb, file: string, saw: Saw = {}): Promise<Answer & { result: any }> => {
  const answer = await word(cliOf({ yes: saw.typed === undefined }, saw), file)
  await company.running.world.settle()
  return answer
}

function fileOf(name: string, teams: readonly (readonly [team: string, n: number])[]): string {
  const at = (hours: number) =>
    new Date(Date.parse(company.clock.now()) + hours * 3_600_000).toISOString()
  const list = teams.map(
    ([team, n]) =>
      `- name: ${team}\n  purpose: what is stuck\n  driver: d${n}@acme.example\n  engineer: e${n}@acme.example\n  template: board\n`,
  )
  const text = `day: ${name}
window:
  opens: ${at(0)}
  closes: ${at(8)}
ends: ${at(30)}
approvers: [d1@acme.example]
datasets:
  deals: crm.deals:read
templates:
  board:
    says: Shows what is stuck
    data: [deals]
teams:
${list.join('')}`
  writeFileSync(join(home, `${name}.yaml`), text)
  return `${name}.yaml`
}

async function answerAll(): Promise<void> {
  const tom = company.as('tom')
  const { items } = (await tom('GET', '/v1/requests?state=open')).body
  for (const { id, bodyHash } of items)
    await expectStatus(200, tom('POST', `/v1/requests/${id}/answer`, { says: 'yes', bodyHash }))
  await company.running.world.settle()
}

const acceptAs = (n: number, app: string) =>
  expectStatus(200, company.as(`d${n}` as Name)('POST', `/v1/apps/${app}/accept`, {}))

async function sql(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: company.sales?.server.url('postgres') ?? '' })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

const three = [
  ['desk', 1],
  ['churn', 2],
  ['qbr', 3],
] as const

describe('a day', () => {
  let file = ''

  test('is checked before anything is made, with a row for all that is wrong', async () => {
    file = fileOf('build-day', three)
    const before = await company.size()
    const { result, exit } = await type(day.check, file)
    expect([exit, result.faults, result.ready]).toEqual([0, [], 0])
    expect(result.systems).toMatchObject([{ name: 'crm', ok: true }])
    // The canary was played; nothing else.
    expect(await company.size()).toBeLessThan(before + 5)
    const text = readFileSync(join(home, file), 'utf8')
    const bad = text.replace('d2@acme', 'nobody@acme').replace('crm.deals:read', 'crm.dealz:read')
    writeFileSync(join(home, 'bad.yaml'), bad)
    const { result: said, exit: code } = await type(day.check, 'bad.yaml')
    expect(code).toBe(1)
    expect(said.faults).toEqual([
      'Row 8: dataset `deals` is `crm.dealz`, which nobody has defined.',
      'Row 19: `nobody@acme.example` is nobody who has signed in here.',
    ])
    await expect(type(day.open, 'bad.yaml')).rejects.toThrow('Row 8')
  })

  test('knows one person by two names, and a name that is taken', async () => {
    const id = (company.ids as Record<string, string>)['d1'] ?? ''
    const text = readFileSync(join(home, file), 'utf8').replace('d3@acme.example', id)
    writeFileSync(join(home, 'twice.yaml'), text)
    expect((await type(day.check, 'twice.yaml')).result.faults).toEqual([
      `Row 24: \`${id}\` is in row 14 as well; a team has two people of its own.`,
    ])
    const app = { slug: 'taken', purpose: 'x', backup: 'tom@acme.example' }
    await expectStatus(201, company.as('maya')('POST', '/v1/apps', app))
    writeFileSync(
      join(home, 'taken.yaml'),
      readFileSync(join(home, file), 'utf8').replace('name: qbr', 'name: taken'),
    )
    expect((await type(day.check, 'taken.yaml')).result.faults).toEqual([
      'Row 24: there is, or was, an app `taken` that is not of this day; a name is given once.',
    ])
  })

  test('is run by platform people', async () => {
    await expect(type(day.check, file, { who: 'maya' })).rejects.toThrow('platform people')
    const look = (who: Name) => company.as(who)('POST', '/v1/targets/crm/look')
    await expectStatus(403, look('maya'))
    const seen = { target: 'crm', isOver: true, unseen: [] }
    expect((await expectStatus(200, look('sam'))).body).toMatchObject(seen)
  })

  test('is opened, and opened again changes nothing', async () => {
    const { result, exit } = await type(day.open, file)
    expect([exit, result.opened]).toEqual([0, 3])
    expect(result.systems).toMatchObject([{ system: 'crm', looked: true }])
    const entries = await company.size()
    const again = await type(day.open, file)
    expect([again.exit, again.result.systems]).toEqual([0, []])
    const said = again.result.teams.map(({ waitsFor }: { waitsFor: string }) => waitsFor)
    expect(said).toEqual(['tom', 'tom', 'tom'])
    // The canary writes when it was played; no team was touched.
    expect(await company.size()).toBeLessThan(entries + 5)
    const { items } = (await company.as('sam')('GET', '/v1/apps?day=build-day')).body
    expect(items).toMatchObject(
      ['churn', 'desk', 'qbr'].map(slug => ({ slug, day: 'build-day', endTrigger: 'day-closes' })),
    )
  })

  test('is watched: who waits longest, then who has accepted and has no lease', async () => {
    const states = async () =>
      (await type(day.watch, file)).result.tiles.map(
        ({ team, state }: { team: string; state: string }) => `${team} ${state}`,
      )
    expect((await states()).every((each: string) => each.endsWith('waits'))).toBe(true)
    await answerAll()
    await acceptAs(1, 'desk')
    expect(await states()).toEqual(
      expect.arrayContaining(['churn offered', 'desk idle', 'qbr offered']),
    )
    expect((await states()).at(-1)).toBe('desk idle')
    await acceptAs(2, 'churn')
    await acceptAs(3, 'qbr')
    expect((await type(day.check, file)).result).toMatchObject({ ready: 3 })
  })

  test('is held as a whole, and its apps alone', async () => {
    const set = { scope: 'day', about: 'build-day', reason: 'It posts to everyone.' }
    const { body } = await expectStatus(201, company.as('sam')('POST', '/v1/holds', set))
    expect(body).toMatchObject({ scope: 'day', about: 'day/build-day' })
    await company.running.world.settle()
    const held = (await type(day.watch, file)).result.tiles
    expect(held.map(({ state }: { state: string }) => state)).toEqual(['held', 'held', 'held'])
    expect((await type(day.check, file)).result.ready).toBe(0)
    expect((await company.as('sam')('GET', '/v1/apps/taken')).body.holds).toEqual([])
    await expectStatus(200, company.as('sam')('POST', `/v1/holds/${body.id}/lift`))
    await company.running.world.settle()
    expect((await type(day.check, file)).result.ready).toBe(3)
  })

  test('is not closed by another name typed, and ends nothing then', async () => {
    await expect(type(day.close, file, { typed: 'other-day' })).rejects.toThrow(
      'Nothing was ended.',
    )
    expect((await company.as('sam')('GET', '/v1/apps/desk')).body.state).toBe('active')
  })

  test('asks nobody where there is no terminal', async () => {
    const cli = cliOf({})
    await expect(day.close(cli, file)).rejects.toMatchObject({ text: { exit: 64 } })
  })

  test('is not closed while something born outside has no end; its apps are ended all the same', async () => {
    // An app that lives on by the word of somebody the day names, and one by the word of nobody it names.
    const endsAt = new Date(Date.parse(company.clock.now()) + 60 * 3_600_000).toISOString()
    for (const [n, app] of [
      [1, 'desk'],
      [2, 'churn'],
    ] as const)
      await expectStatus(
        200,
        company.as(`d${n}` as Name)('POST', `/v1/apps/${app}/extend`, { endsAt }),
      )
    await company.running.world.settle()
    await sql('create role shadow_report login')
    const { result, exit } = await type(day.close, file)
    expect([exit, result.report]).toEqual([1, null])
    expect(result.blocks).toMatchObject([{ about: 'shadow_report', system: 'crm' }])
    expect(result.apps).toMatchObject([
      { app: 'desk', how: 'extended', approver: 'd1' },
      { app: 'churn', how: 'verified-gone' },
      { app: 'qbr', how: 'verified-gone' },
    ])
  })

  test('is closed once it is revoked, with a report that is checked without the server', async () => {
    await sql('drop role shadow_report')
    const { result, exit } = await type(day.close, file)
    expect([exit, result.blocks]).toEqual([0, []])
    expect(result.bornOutside).toMatchObject([{ name: 'shadow_report', state: 'gone' }])
    const folder = join(home, 'build-day.report')
    expect(readdirSync(folder).sort()).toEqual([
      'churn.end.json',
      'qbr.end.json',
      'report.json',
      'summary.html',
    ])
    expect(readFileSync(join(folder, 'summary.html'), 'utf8')).toContain('● closed')
    const text = readFileSync(join(folder, 'report.json'), 'utf8')
    const { rootFingerprint } = (await company.as('sam')('GET', '/v1/installation')).body
    const now = Date.parse(company.clock.now()) + 60_000
    const roots = [{ fingerprint: rootFingerprint, because: 'the test asked' }]
    expect(verifyReport(text, roots, now)).toMatchObject({ exit: 0, result: { faults: [] } })
    expect(verifyReport(text, [], now)).toMatchObject({ exit: 1, result: { proven: false } })
    const lied = text.replace('"how": "extended"', '"how": "verified-gone"')
    expect(verifyReport(lied, roots, now).result).toMatchObject({
      faults: ['desk: it has no certificate'],
    })
    const other = text.replace('"app": "churn"', '"app": "chorn"')
    expect(verifyReport(other, roots, now).result).toMatchObject({
      faults: ['chorn: its certificate says something else'],
    })
    const head = text.replace(/("checkpoint": "[^\\]*\\n)\d+/, '$11')
    expect(verifyReport(head, roots, now).exit).toBe(1)
    for (const none of ['{', '{}', '[]', '{"apps":[null]}'])
      expect(() => verifyReport(none, roots, now)).toThrow('it is no report of a day')
  })

  test('can be reported at any time, and says that it is open', async () => {
    const open = fileOf('open-day', [['early', 2]])
    await type(day.open, open)
    const { exit, result } = await type(day.report, open)
    expect([exit, result.blocks]).toEqual([
      1,
      [{ about: 'early', system: null, says: 'is active' }],
    ])
    expect(JSON.parse(readFileSync(join(home, result.report), 'utf8'))).toMatchObject({
      closed: false,
    })
    await type(day.close, open)
  })

  test('that nobody opened is not closed', async () => {
    await expect(type(day.close, fileOf('no-day', [['nobody', 2]]))).rejects.toThrow('never opened')
  })
})

describe('a crash', () => {
  /** Dies at the nth call that changes something, before it was sent or before its answer came. */
  const dying = (at: number, when: 'before' | 'after') => {
    let calls = 0
    return (now: 'before' | 'after') => {
      if (now === 'before') calls++
      if (now === when && calls === at) throw new Error('the process died')
    }
  }

  test('at any step of open is gone on from by the same word, and nothing is made twice', async () => {
    // A look at the one system, app, manifest, trust, ask, offer.
    for (let at = 1; at <= 6; at++)
      for (const when of ['before', 'after'] as const) {
        const app = `app-${at}-${when}`
        const file = fileOf(`day-${at}-${when}`, [[app, 2]])
        await expect(type(day.open, file, { step: dying(at, when) })).rejects.toThrow('died')
        expect((await type(day.open, file)).exit).toBe(0)
        const { body } = await company.as('sam')('GET', `/v1/apps/${app}`)
        expect(body).toMatchObject({ offeredTo: 'd2', day: `day-${at}-${when}` })
        expect([body.purposes, body.trust, body.requests].map(each => each.length)).toEqual([
          1, 1, 1,
        ])
      }
  }, 120_000)

  test('of a connection alone needs no second word', async () => {
    for (const when of ['before', 'after'] as const) {
      const file = fileOf(`net-${when}`, [[`net-${when}`, 3]])
      for (const word of [day.open, day.close]) {
        let calls = 0
        const step = (now: 'before' | 'after') => {
          if (now === when && ++calls === 3)
            throw problem('LH-NET-05', { host: 'here', how: 'reset' })
        }
        expect((await type(word, file, { step })).exit).toBe(0)
      }
    }
  }, 120_000)

  test('at any step of close is gone on from, until nothing is left', async () => {
    const { items } = (await company.as('sam')('GET', '/v1/apps?day=day-1-before')).body
    expect(items).toHaveLength(1)
    for (const [at, when] of [
      [1, 'before'],
      [1, 'after'],
      [2, 'before'],
      [2, 'after'],
    ] as const) {
      const file = `day-${at}-${when}.yaml`
      await expect(type(day.close, file, { step: dying(at, when) })).rejects.toThrow('died')
      const { exit, result } = await type(day.close, file)
      expect([exit, result.blocks]).toEqual([0, []])
    }
  }, 120_000)
})

test('a file that is not there is a Problem with a next step, and no stack', async () => {
  const error = await type(day.check, 'none.yaml').catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Problem)
})
