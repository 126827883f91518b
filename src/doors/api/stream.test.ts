/** The stream of the log: told in order, once each, to who may read it, for as long as they are signed in. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Company,
  expectStatus,
  type Name,
  startCompany,
} from '../../../test/journeys/company.ts'
import { openBrowser } from '../../../test/support/browser.ts'
import { newId, type PersonId } from '../../core/base/ids.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded } from '../../core/ledger/record.ts'
import { leavePerson } from '../../core/people/change.ts'
import { signInPerson } from '../../core/people/sign-in.ts'
import { startSession } from '../../life/sign-in/session.ts'
import { bounds } from './bounds.ts'
import type { StreamEntry } from './contract.ts'

interface Event {
  readonly id: number
  readonly event: string
  readonly entries: readonly StreamEntry[]
}

interface Listening {
  readonly response: Response
  /** The next event; undefined once it is over. */
  readonly next: () => Promise<Event | undefined>
  /** Events until one has an entry that fits. */
  readonly until: (fits: (entry: StreamEntry) => boolean) => Promise<Event[]>
  readonly close: () => Promise<void>
}

let company: Company
const open: Listening[] = []
beforeAll(async () => {
  company = await startCompany()
}, 120_000)
afterAll(async () => {
  for (const each of open) await each.close()
  await company?.stop()
})

async function listen(headers: Record<string, string>, query = ''): Promise<Listening> {
  const { api, running } = company
  const request = new Request(`${running.issuer}/v1/stream${query}`, { headers })
  const response = await api.fetch(request)
  const isStream = response.headers.get('content-type') === 'text/event-stream'
  const reader = isStream ? response.body?.getReader() : undefined
  const next = async (): Promise<Event | undefined> => {
    const { value, done } = (await reader?.read()) ?? { done: true }
    if (done || value === undefined) return undefined
    const text = Buffer.from(value).toString()
    const [, id, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n$/.exec(text) ?? []
    // The first chunk says when to come back.
    if (id === undefined) return next()
    return { id: Number(id), event: event ?? '', entries: JSON.parse(data ?? '') }
  }
  const until = async (fits: (entry: StreamEntry) => boolean) => {
    const events: Event[] = []
    for (;;) {
      const event = await next()
      if (event === undefined) throw new Error('the stream ended before')
      events.push(event)
      if (event.entries.some(fits)) return events
    }
  }
  const close = async () => {
    await reader?.cancel()
  }
  const listening = { response, next, until, close }
  open.push(listening)
  return listening
}

const as = (who: Name, more: Record<string, string> = {}) =>
  listen({ ...bearer(company.ids[who]), ...more })

/** As the company reads them: who it is of is in the token. */
function bearer(sub: PersonId) {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return { authorization: `Bearer ${part({ alg: 'none' })}.${part({ sub })}.x` }
}

let made = 0
async function makeApp(who: Name): Promise<{ slug: string; id: string }> {
  const slug = `listened-${++made}`
  const backup = who === 'maya' ? 'tom@acme.example' : 'maya@acme.example'
  const body = { slug, purpose: 'to be listened to', backup, days: 3 }
  const { body: app } = await expectStatus(201, company.as(who)('POST', '/v1/apps', body))
  return { slug, id: app.id }
}

const isOf = (id: string, kind: string) => (entry: StreamEntry) =>
  entry.kind === kind && entry.subjects.includes(id)

async function size(): Promise<number> {
  await company.running.world.settle()
  return company.running.world.follower.position
}

const tested = entryKind('test.listened', 'was listened to')

/** So many entries about nobody's app. */
async function write(count: number): Promise<void> {
  const { world } = company.running
  for (let n = 0; n < count; n++)
    await recorded(world, async scope => {
      scope.entry({ kind: tested, by: company.ids.sam, subjects: [], facts: { n } })
    })
  await world.settle()
}

describe('somebody with a role', () => {
  test('is told each entry once, in the order of the log, without a word of anybody', async () => {
    const stream = await as('sam')
    expect(stream.response.headers.get('cache-control')).toBe('no-store')
    const first = await stream.next()
    expect(first).toEqual({ id: (await size()) - 1, event: 'entries', entries: [] })
    const { slug, id } = await makeApp('maya')
    await expectStatus(
      200,
      company.as('maya')('POST', `/v1/apps/${slug}/pause`, { reason: 'psst' }),
    )
    const events = await stream.until(isOf(id, 'app.pause'))
    const told = events.flatMap(({ entries }) => entries)
    const from = (first?.id ?? 0) + 1
    expect(told.map(({ position }) => position)).toEqual(told.map((_, i) => from + i))
    expect(events.at(-1)?.id).toBe(told.at(-1)?.position)
    expect(JSON.stringify(events)).not.toMatch(/psst|listened|@/)
    expect(new Set(told.flatMap(entry => Object.keys(entry)))).toEqual(
      new Set(['position', 'kind', 'subjects']),
    )
    await stream.close()
  })

  test('who comes back is told what they missed, by either way to say where they were', async () => {
    const at = (await size()) - 1
    await write(5)
    const { id } = await makeApp('maya')
    const end = await size()
    const wanted = Array.from({ length: end - 1 - at }, (_, i) => at + 1 + i)
    for (const stream of [
      await as('sam', { 'last-event-id': String(at) }),
      await listen(bearer(company.ids.sam), `?after=${at}`),
      // What the browser says by itself is newer than the address it was opened with.
      await listen({ ...bearer(company.ids.sam), 'last-event-id': String(at) }, '?after=0'),
    ]) {
      const events = await stream.until(isOf(id, 'app.make'))
      const told = events.flatMap(({ entries }) => entries.map(({ position }) => position))
      expect(told).toEqual(wanted.slice(0, told.length))
      expect(told.length).toBeGreaterThan(5)
      await stream.close()
    }
  })

  test('who missed more than is told one by one is told to read everything anew, then goes on', async () => {
    const at = await size()
    await write(bounds.streamEntries)
    const within = await as('sam', { 'last-event-id': String(at - 1) })
    expect((await within.next())?.entries).toHaveLength(bounds.streamEntries)
    const behind = await as('sam', { 'last-event-id': String(at - 2) })
    const told = await behind.next()
    expect(told).toEqual({ id: (await size()) - 1, event: 'reload', entries: [] })
    const { id } = await makeApp('maya')
    const [next] = await behind.until(isOf(id, 'app.make'))
    expect(next?.entries[0]?.position).toBe((told?.id ?? 0) + 1)
    await within.close()
    await behind.close()
  }, 60_000)

  test('who saw a longer log than there is has to read everything anew', async () => {
    const stream = await as('sam', { 'last-event-id': String((await size()) + 50) })
    expect((await stream.next())?.event).toBe('reload')
    await stream.close()
  })
})

describe('somebody without a role', () => {
  test('is told of their own apps, and of nobody else’s', async () => {
    const stream = await as('eve')
    await stream.next()
    const theirs = await makeApp('maya')
    await write(1)
    const own = await makeApp('eve')
    const events = await stream.until(isOf(own.id, 'app.make'))
    const told = events.flatMap(({ entries }) => entries)
    expect(told.length).toBeGreaterThan(0)
    for (const { subjects } of told) expect(subjects).toContain(own.id)
    expect(JSON.stringify(told)).not.toContain(theirs.id)
    // Where the log is, everybody signed in may know: that is what they go on from.
    expect(events.at(-1)?.id).toBeGreaterThan(told[0]?.position ?? 0)
    await stream.close()
  })

  test('whose role was taken away is told from then on what they may read without it', async () => {
    const stream = await as('sue')
    await stream.next()
    const before = await makeApp('maya')
    await stream.until(isOf(before.id, 'app.make'))
    const roles = (has: string[]) =>
      company.as('sam')('PUT', `/v1/people/${company.ids.sue}/roles`, { roles: has })
    await expectStatus(200, roles([]))
    const after = await makeApp('maya')
    const own = await makeApp('sue')
    const events = await stream.until(isOf(own.id, 'app.make'))
    expect(JSON.stringify(events)).not.toContain(after.id)
    await expectStatus(200, roles(['security']))
    await stream.close()
  })
})

describe('the door of the stream', () => {
  test('is shut to nobody, to a page of another site, and to a position that is none', async () => {
    expect((await listen({})).response.status).toBe(401)
    const { cookie } = await signIn()
    const site = { cookie, 'sec-fetch-site': 'cross-site' }
    expect((await listen(site)).response.status).toBe(401)
    for (const last of ['-1', 'x', '1.5', '9'.repeat(16)]) {
      const { response } = await as('sam', { 'last-event-id': last })
      expect([last, response.status]).toEqual([last, 400])
      expect(await response.json()).toMatchObject({ field: 'Last-Event-ID', code: 'bad-request' })
    }
    expect((await listen(bearer(company.ids.sam), '?after=-1')).response.status).toBe(400)
  })

  test('lets so many of one person through, no more, and the next person all the same', async () => {
    const mine = []
    for (let n = 0; n < bounds.streamsOfOne; n++) mine.push(await as('tom'))
    expect(mine.map(({ response }) => response.status)).toEqual(mine.map(() => 200))
    const { response } = await as('tom')
    expect(response.status).toBe(429)
    expect(await response.json()).toMatchObject({ code: 'rate-limited' })
    const next = await as('maya')
    expect(next.response.status).toBe(200)
    await mine[0]?.close()
    const again = await as('tom')
    expect(again.response.status).toBe(200)
    for (const each of [...mine, next, again]) await each.close()
  })

  test('lets so many of all people through, and no more', async () => {
    const people: PersonId[] = []
    for (let n = 0; n * bounds.streamsOfOne < bounds.streams; n++) {
      const said = { iss: 'https://idp.example', sub: `many-${n}`, name: `Many ${n}` }
      const { id } = await signInPerson(company.running.world, {
        ...said,
        email: `m${n}@acme.example`,
      })
      people.push(id)
    }
    await company.running.world.settle()
    const many = []
    for (let n = 0; n < bounds.streams; n++)
      many.push(await listen(bearer(people[n % people.length] ?? newId('person'))))
    expect(many.every(({ response }) => response.status === 200)).toBe(true)
    expect((await as('sam')).response.status).toBe(429)
    for (const each of many) await each.close()
    const free = await as('sam')
    expect(free.response.status).toBe(200)
    await free.close()
  }, 60_000)
})

/** A browser session of Sam, as our own page sends it. */
async function signIn() {
  const { running } = company
  const browser = openBrowser()
  const page = await browser.get(await running.signInLink())
  await browser.submit(page, '/sign-in/link')
  const cookie = `lh_session=${browser.cookie(new URL(running.issuer).host, 'lh_session')}`
  const headers = { cookie, 'sec-fetch-site': 'same-origin' }
  const me = await company.raw('/v1/me', { headers })
  return { cookie, headers, csrf: me.body.csrf as string }
}

describe('a stream ends', () => {
  test('with its browser session, and nothing is told after; one of another session goes on', async () => {
    const [one, other] = [await signIn(), await signIn()]
    const [ends, goesOn] = [await listen(one.headers), await listen(other.headers)]
    expect((await ends.next())?.event).toBe('entries')
    await goesOn.next()
    const form = new URLSearchParams({ csrf: one.csrf })
    const { issuer } = company.running
    const out = { method: 'POST', body: form, headers: { ...one.headers, origin: issuer } }
    expect((await fetch(`${issuer}/sign-out`, { ...out, redirect: 'manual' })).status).toBe(303)
    company.clock.advance(bounds.streamCheckMs + 1)
    const { id } = await makeApp('maya')
    expect(await ends.next()).toBeUndefined()
    await goesOn.until(isOf(id, 'app.make'))
    await goesOn.close()
  })

  test('when its person leaves', async () => {
    const world = company.running.world
    const said = { iss: 'https://idp.example', sub: 'lee', name: 'Lee', email: 'lee@acme.example' }
    const { id: personId } = await signInPerson(world, said)
    await world.settle()
    const { secret } = await startSession(world.store, personId, world.clock.now())
    const cookie = `lh_session=${secret}`
    const stream = await listen({ cookie, 'sec-fetch-site': 'same-origin' })
    await stream.next()
    const about = { type: 'person', id: personId } as const
    const actor = { kind: 'person', id: company.ids.sam } as const
    const left = world.decide({ actor, action: 'person.leave', about })
    if (!left.allowed) throw new Error(left.denial.says)
    await leavePerson(world, left.permit, { personId })
    company.clock.advance(bounds.streamCheckMs + 1)
    await write(1)
    for (;;) {
      const event = await stream.next()
      if (event === undefined) break
      expect(event.entries).toEqual([])
    }
  })
})
