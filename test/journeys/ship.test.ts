/**
 * Others open the app: it answers at an address of its own, from the machine that runs `dev`, to people
 * who are signed in at the server and to nobody else. The real command line, server and HTTP; a browser is
 * a jar of cookies here, and Chromium in `test/console`.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { answerRequest } from '../../src/core/approval/request.ts'
import { Browser } from '../support/visiting.ts'
import { ended, homeOfSam, start } from './cli.ts'
import { type Company, expectStatus, type Name, startCompany } from './company.ts'

let company: Company
let home: string
let folder: string
let dev: ChildProcess
let seen = ''
const slug = 'desk'
const at = () => `http://${slug}.apps.${new URL(company.running.issuer).host}`

/** What an app of somebody else may do: it answers with what it was sent, and tries to do more. */
const server = `
import { createServer } from 'node:http'
createServer((req, res) => {
  if (req.url === '/echo') {
    let body = ''
    req.on('data', part => (body += part)).on('end', () => {
      res.setHeader('content-type', 'application/json')
      res.end(JSON.stringify({ method: req.method, headers: req.headers, body }))
    })
    return
  }
  if (req.url === '/slow') {
    res.write('begun')
    return
  }
  if (req.url === '/bad') {
    res.setHeader('set-cookie', ['lh_visit=mine; Path=/', 'own=1; Domain=localhost', 'plain=2'])
    res.setHeader('access-control-allow-origin', '*')
    res.setHeader('clear-site-data', '"*"')
    return void res.end('bad')
  }
  res.setHeader('content-type', 'text/html')
  res.end('<!doctype html><title>Desk</title><h1>Stuck deals</h1>')
}).listen(Number(process.env.PORT), '127.0.0.1')
`

beforeAll(async () => {
  company = await startCompany()
  home = await homeOfSam(company)
  const app = { slug, purpose: 'board of stuck deals', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, company.as('sam')('POST', '/v1/apps', app))
  folder = join(home, slug)
  await mkdir(folder)
  await writeFile(
    join(folder, 'leasehold.yaml'),
    `app: ${slug}\npurposes:\n  look:\n    says: Looks\n`,
  )
  await writeFile(join(folder, 'server.mjs'), server)
  dev = start(home, ['dev', '--cwd', folder, '--', process.execPath, 'server.mjs'], { PORT: '0' })
  dev.stderr?.on('data', chunk => (seen += String(chunk)))
}, 120_000)
afterAll(async () => {
  // Asked, so that it ends what it started.
  if (dev?.kill('SIGTERM')) await once(dev, 'close')
  await company?.stop()
  await rm(home, { recursive: true, force: true })
})

const browserOf = (who: Name | null) => Browser.of(company.running, who && company.ids[who])

const lh = (...words: string[]) => ended(start(home, words))

async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 400; tries++) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await wait(50)
  }
  throw new Error(`waited for nothing: ${seen}`)
}

const share = (people: string[]) =>
  expectStatus(200, company.as('sam')('POST', `/v1/apps/${slug}/share`, { people }))

test('dev says where others open it, and its owner does', async () => {
  await until(() => /others (http:\S+)/.exec(seen)?.[1] === at() || undefined)
  const sam = await browserOf('sam')
  const page = await until(async () => {
    const answer = await sam.open(at())
    return answer.status === 200 ? answer : undefined
  })
  expect(page.text).toContain('<h1>Stuck deals</h1>')
  expect(page.text).toContain('<script type="module" src="/.leasehold/bar.js"></script>')
  expect(page.address).toBe(`${at()}/`)
  const { text } = await sam.send(`${at()}/.leasehold/bar`)
  expect(JSON.parse(text)).toMatchObject({ app: slug, owner: 'Sam', you: 'Sam' })
}, 60_000)

test('nobody else does, and is told whom to ask; nor somebody who is not signed in', async () => {
  const maya = await (await browserOf('maya')).open(`${at()}/deals?x=1`)
  expect(maya.status).toBe(403)
  expect(maya.text).toContain('is not shared with you')
  expect(maya.text).toContain('Ask Sam')
  const stranger = await (await browserOf(null)).open(at())
  expect(stranger.address).toContain(`${company.running.issuer}/sign-in?to=`)
  expect(stranger.text).toContain('/open?app=desk&amp;from=')
})

test('people it is shipped to open it, each is told to the app, and the log names them', async () => {
  const shipped = await lh('ship', '--as', `${slug}/run`, '--to', 'maya@acme.example')
  expect(shipped).toMatchObject({ code: 0 })
  expect(shipped.out).toContain(at())
  expect(shipped.out).toContain('maya')
  const maya = await browserOf('maya')
  expect((await maya.open(at())).text).toContain('Stuck deals')
  const { headers } = JSON.parse((await maya.send(`${at()}/echo`)).text)
  const keys = createRemoteJWKSet(new URL(`${company.running.address}/oauth/jwks`))
  const { payload } = await jwtVerify(headers['leasehold-person'], keys, {
    issuer: company.running.issuer,
    audience: at(),
    typ: 'leasehold-person+jwt',
    currentDate: new Date(company.clock.now()),
  })
  expect(payload).toMatchObject({ sub: company.ids.maya, name: 'maya', email: 'maya@acme.example' })
  await company.running.world.settle()
  const { entries } = (await company.as('sue')('GET', '/v1/log?kind=app.open')).body
  const who = entries.map((entry: { actorName: string }) => entry.actorName)
  expect(who).toEqual(expect.arrayContaining(['Sam', 'maya']))
  expect(who).not.toContain('eve')
  const eve = await (await browserOf('eve')).open(at())
  expect(eve.status).toBe(403)
})

test('an app sees no cookie of ours, and no header that somebody sent in our name', async () => {
  const maya = await browserOf('maya')
  await maya.open(at())
  maya.jar(new URL(at()).host).set('theirs', 'yes')
  const forged = {
    'leasehold-person': 'forged',
    'x-forwarded-for': '1.2.3.4',
    authorization: 'Bearer x',
  }
  const { headers } = JSON.parse((await maya.send(`${at()}/echo`, forged)).text)
  expect(headers.cookie).toBe('theirs=yes')
  expect(headers['leasehold-person']).toMatch(/^ey/)
  expect(headers.authorization).toBe(undefined)
  expect(headers['x-forwarded-host']).toBe(new URL(at()).host)
  const posted = await maya.send(`${at()}/echo`, { origin: at() }, 'a'.repeat(100_000))
  expect(JSON.parse(posted.text)).toMatchObject({ method: 'POST', body: 'a'.repeat(100_000) })
})

test('an app sets no cookie of ours, none for another host, and speaks for no other origin', async () => {
  const maya = await browserOf('maya')
  await maya.open(at())
  const { headers } = await maya.send(`${at()}/bad`)
  expect(headers['set-cookie']).toEqual(['own=1', 'plain=2'])
  expect(headers['access-control-allow-origin']).toBe(undefined)
  expect(headers['clear-site-data']).toBe(undefined)
  expect(headers['x-frame-options']).toBe('SAMEORIGIN')
  expect((await maya.open(at())).status).toBe(200)
})

test('a page of another app can not make a browser do anything here', async () => {
  const maya = await browserOf('maya')
  await maya.open(at())
  const other = at().replace(slug, 'other')
  for (const headers of [
    { origin: other },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
    { 'service-worker': 'script' },
  ])
    expect((await maya.send(`${at()}/echo`, headers as Record<string, string>)).status).toBe(403)
  const form = {
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  }
  expect((await maya.send(`${at()}/echo`, form, 'x=1')).status).toBe(403)
})

test('a code or a visit of one app is nothing at another, nor where the journey did not begin', async () => {
  const maya = await browserOf('maya')
  await expectStatus(201, company.as('maya')('POST', '/v1/apps', { ...mine, slug: 'other' }))
  const other = at().replace(slug, 'other')
  await maya.open(at())
  const visit = maya.jar(new URL(at()).host).get('lh_visit') ?? ''
  const thief = new Browser()
  thief.jar(new URL(other).host).set('lh_visit', visit)
  expect((await thief.open(other)).address).toContain('/sign-in?to=')
  // The code itself, taken from the page that leads on: only the browser that began can use it.
  const began = await maya.send(`${other}/`)
  const page = await maya.send(String(began.headers.location))
  const code = /^0; url=(.+)$/.exec(String(page.headers['refresh']))?.[1] ?? ''
  expect(code).toContain(`${other}/.leasehold/enter?code=`)
  expect((await thief.open(code)).address).toContain('/sign-in?to=')
  const moved = code.replace(other, at())
  expect((await thief.open(moved)).address).toContain('/sign-in?to=')
  expect((await maya.send(code)).status).toBe(303)
  // Once.
  expect((await maya.send(code)).headers.location).toContain('/open?')
})
const mine = { purpose: 'another one', backup: 'tom@acme.example', days: 5 }

test('the address of an app reaches nothing of the server, and no other host an app', async () => {
  const maya = await browserOf('maya')
  await maya.open(at())
  for (const path of ['/v1/me', '/oauth/jwks', '/apps', '/sign-in', '/style.css'])
    expect((await maya.send(`${at()}${path}`)).text).toContain('Stuck deals')
  expect((await maya.send(`${at()}/.leasehold/other`)).status).toBe(404)
  const away = await maya.send(at().replace('.apps.', '.elsewhere.'))
  expect(away.status).toBe(400)
  const none = await maya.open(at().replace(slug, 'never-made'))
  expect(none.status).toBe(404)
  expect(none.text).toContain('There is no app to go on to')
})

test('who may not answer for an app does not, and says so', async () => {
  const { address, issuer } = company.running
  for (const [path, status] of [
    [`/v1/apps/${slug}/serve`, 401],
    ['/v1/apps/never-made/serve', 401],
  ] as const) {
    const asked = request(`${address}${path}`, {
      headers: { connection: 'Upgrade', upgrade: 'leasehold-tunnel', host: new URL(issuer).host },
    }).end()
    const answer = await new Promise<number>(resolve => {
      asked.once('response', res => resolve(res.resume().statusCode ?? 0))
      asked.once('upgrade', () => resolve(101))
    })
    expect(answer).toBe(status)
  }
})

test('where no runner is named nothing is deployed', async () => {
  const { address, issuer } = company.running
  const path = `${address}/v1/apps/${slug}/ship/${'a'.repeat(64)}`
  const headers = { host: new URL(issuer).host }
  const answer = await fetch(path, { method: 'POST', headers })
  expect([answer.status, await answer.text()]).toEqual([409, expect.stringContaining('No runner')])
})

test('everybody may open it only once somebody else has agreed', async () => {
  const asked = await lh('ship', '--as', `${slug}/run`, '--with-all', '--reason', 'the whole team')
  expect(asked.out).toContain('everybody who signs in here may open desk')
  const eve = await browserOf('eve')
  expect((await eve.open(at())).status).toBe(403)
  const tom = company.as('tom')
  const { items } = (await tom('GET', '/v1/requests?state=open')).body
  const { id, bodyHash } = items.find(({ kind }: { kind: string }) => kind === 'share')
  await expectStatus(200, tom('POST', `/v1/requests/${id}/answer`, { says: 'yes', bodyHash }))
  expect((await eve.open(at())).status).toBe(200)
  await share(['maya@acme.example'])
  expect((await eve.open(at())).status).toBe(403)
  // The yes was to that, and is not one for ever.
  const again = await tom('POST', `/v1/requests/${id}/answer`, { says: 'yes', bodyHash })
  expect(again).toMatchObject({ status: 403, body: { code: 'denied' } })
  expect((await eve.open(at())).status).toBe(403)
})

test('a yes whose process died is done by the schedule, once', async () => {
  const { world } = company.running
  await lh('ship', '--as', `${slug}/run`, '--with-all', '--reason', 'the whole team')
  const { items } = (await company.as('tom')('GET', '/v1/requests?state=open')).body
  const { id, bodyHash } = items.find(({ kind }: { kind: string }) => kind === 'share')
  const about = { type: 'request', id, draft: { says: 'yes' } } as const
  const actor = { kind: 'person', id: company.ids.tom } as const
  const decided = world.decide({ actor, action: 'request.answer', about })
  if (!decided.allowed) throw new Error(decided.denial.says)
  await answerRequest(world, decided.permit, { requestId: id, says: 'yes', bodyHash })
  await world.settle()
  const eve = await browserOf('eve')
  expect((await eve.open(at())).status).toBe(403)
  company.clock.advance(11_000)
  await world.runNow('agreed')
  expect((await eve.open(at())).status).toBe(200)
  await share(['maya@acme.example'])
  company.clock.advance(11_000)
  await world.runNow('agreed')
  expect((await eve.open(at())).status).toBe(403)
}, 30_000)

test('a pause cuts what is open within a second, and every page says so until it is resumed', async () => {
  const maya = await browserOf('maya')
  await maya.open(at())
  const live = maya.send(`${at()}/.leasehold/live`)
  const slow = maya.send(`${at()}/slow`)
  await wait(300)
  const served = async () => {
    await company.running.world.settle()
    return (await company.as('sue')('GET', '/v1/log?kind=app.serve')).body.entries.length
  }
  const before = await served()
  await expectStatus(200, company.as('sam')('POST', `/v1/apps/${slug}/pause`, { reason: 'stop' }))
  const from = performance.now()
  expect((await live).text).toContain('event: over')
  await slow.catch(() => {})
  expect(performance.now() - from).toBeLessThan(1000)
  const paused = await maya.open(at())
  expect([paused.status, paused.text]).toEqual([403, expect.stringContaining('is paused')])
  await expectStatus(200, company.as('sam')('POST', `/v1/apps/${slug}/resume`, {}))
  await until(async () => ((await maya.open(at())).status === 200 ? true : undefined))
  expect(await served()).toBe(before)
}, 30_000)

test('who leaves is out at once, also with a visit under way', async () => {
  await share(['maya@acme.example', 'eve@acme.example'])
  const eve = await browserOf('eve')
  expect((await eve.open(at())).status).toBe(200)
  await expectStatus(200, company.as('sam')('POST', `/v1/people/${company.ids.eve}/leave`, {}))
  expect((await eve.send(`${at()}/`)).status).toBe(403)
})

test('a visit is looked up anew after its time, and nobody notices', async () => {
  const maya = await browserOf('maya')
  await maya.open(at())
  const before = maya.jar(new URL(at()).host).get('lh_visit')
  company.clock.advance(16 * 60_000)
  const aside = await maya.send(`${at()}/echo`, {
    'sec-fetch-mode': 'cors',
    'sec-fetch-site': 'same-origin',
  })
  expect(aside.status).toBe(401)
  expect((await maya.open(at())).status).toBe(200)
  expect(maya.jar(new URL(at()).host).get('lh_visit')).not.toBe(before)
})

test('an app that has ended says whose it was and that nothing is left, at the address people know', async () => {
  const maya = await browserOf('maya')
  await maya.open(at())
  const sam = company.as('sam')
  const { planHash } = (await expectStatus(200, sam('POST', `/v1/apps/${slug}/end`, {}))).body
  await expectStatus(200, sam('POST', `/v1/apps/${slug}/end`, { planHash }))
  const gone = await until(async () => {
    const answer = await maya.open(at())
    return answer.text.includes('nothing is left') ? answer : undefined
  })
  expect(gone.status).toBe(410)
  expect(gone.text).toContain('It was of Sam')
  expect(gone.text).toMatch(/To have it back, ask Sam/)
  expect(gone.headers['clear-site-data']).toContain('storage')
}, 60_000)
