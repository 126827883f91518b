/** Who is told what, by which way: the real server, and a program, a Slack and a mail server that pretend. */
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { systemId } from '../../src/core/base/ids.ts'
import { raiseIn } from '../../src/core/finding/raise.ts'
import { entryKind } from '../../src/core/ledger/kind.ts'
import { recorded } from '../../src/core/ledger/record.ts'
import { type Outside, startOutside } from '../support/channels.ts'
import {
  appBody,
  type Company,
  connectSales,
  expectStatus,
  giveGrant,
  type Name,
  startCompany,
} from './company.ts'

let company: Company
let outside: Outside
const home = 'https://leasehold.acme.example'
const [hour, day] = [3_600_000, 24 * 3_600_000]
const user = { sam: 'U0SAM', sue: 'U0SUE', maya: 'U0MAYA', tom: 'U0TOM', eve: 'U0EVE' }

beforeAll(async () => {
  outside = await startOutside(home)
  // Sue is named in the file; the others are looked up.
  for (const name of ['sam', 'maya', 'tom', 'eve'] as const)
    outside.slack.users[`${name}@acme.example`] = user[name]
  outside.slack.users['nobody@acme.example'] = user.sue
  const env = { LEASEHOLD_NOTIFY: outside.file, LEASEHOLD_ISSUER: home }
  company = await startCompany({ target: true, env })
  await pass()
  await connectSales(company)
}, 120_000)
// What one test did to those outside is not the next one's.
afterEach(() => {
  outside.hook.answers = 200
  outside.slack.fault = null
  outside.mail.answers = 250
})
afterAll(async () => {
  await company?.stop()
  expect(outside.slack.breaches).toEqual([])
  await outside.stop()
})

async function pass(ms = 0): Promise<void> {
  company.clock.advance(ms)
  await company.running.world.settle()
  await company.running.world.runNow('notify')
}

/**
 * Passes until everything due was tried. Who does not answer is asked for one thing in a pass, and what else
 * is due, as the ends of other apps here, depends on the hour at which this is run.
 */
async function passes(ms = 0): Promise<void> {
  company.clock.advance(ms)
  const { store, clock } = company.running.world
  const due = `select count(*)::int as due from notice n where state = 'waiting' and due_at <= $1
    and not exists (select from notice e where (e.thread, e.channel, e.person_id, e.state) =
      (n.thread, n.channel, n.person_id, n.state) and e.nth < n.nth)`
  await vi.waitFor(
    async () => {
      await pass()
      expect(await store.query(due, [clock.now()])).toEqual([{ due: 0 }])
    },
    { timeout: 20_000, interval: 0 },
  )
}

/** What came since the last look, by way and person. */
function news() {
  const { hook, slack, mail } = outside
  const told = {
    hook: hook.received.splice(0),
    slack: slack.messages.splice(0),
    mail: mail.mails.splice(0),
  }
  const of = (channel: string) => told.slack.filter(each => each.channel === channel)
  return { ...told, of, to: (name: Name) => of(`D${user[name].slice(1)}`) }
}

const kindsOf = ({ hook }: ReturnType<typeof news>) =>
  hook.map(({ event }) => event.type.replace('com.leasehold.', ''))
const mailsTo = ({ mail }: ReturnType<typeof news>) => mail.flatMap(({ to }) => to).sort()

const makeApp = (slug: string, days = 5) =>
  expectStatus(201, company.as('maya')('POST', '/v1/apps', { ...appBody, slug, days }))

test('a request is told to who may answer, and its answer to who asked, each once', async () => {
  await makeApp('deal-desk')
  const needs = '    needs:\n      - resource: crm.deals\n        actions: [read]\n'
  const yaml = `app: deal-desk\npurposes:\n  look:\n    says: Looks at deals\n${needs}`
  await expectStatus(200, company.as('maya')('PUT', '/v1/apps/deal-desk/manifest', { yaml }))
  const reason = '<https://evil.example|Approve here> SSN 078-05-1120'
  const body = { app: 'deal-desk', resource: 'crm.deals', actions: ['read'], reason }
  const asked = await expectStatus(201, company.as('maya')('POST', '/v1/requests', body))
  await pass()
  const first = news()
  expect(kindsOf(first)).toEqual(['request.created'])
  const [{ headers, body: raw, event } = { headers: {}, body: '', event: null }] = first.hook
  expect(new Webhook(outside.secret).verify(raw, headers)).toEqual(event)
  expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8')
  const { id } = asked.body
  expect(event).toMatchObject({
    specversion: '1.0',
    id: `${id}.1`,
    source: home,
    subject: id,
    data: { asks: 'grant', state: 'open', actions: ['read'], link: `${home}/a/${id}` },
  })
  expect(event.data.says).toMatch(
    /^maya asks for deal-desk: to read crm\.deals\. It can be answered/,
  )
  expect(mailsTo(first)).toEqual(['tom@acme.example'])
  expect(first.mail[0]?.headers['subject']).toMatch(/^maya asks for deal-desk: to read crm\.deals/)
  expect(first.slack.map(({ channel }) => channel).sort()).toEqual(['C0TEAM', 'D0TOM'])
  // Why somebody asks is read on the page alone.
  expect(JSON.stringify(first)).not.toMatch(/evil|078-05/)

  // The same again says nothing again.
  await pass()
  expect(news().hook).toEqual([])

  outside.slack.messages.push(...first.slack)
  const answer = { says: 'yes', bodyHash: asked.body.bodyHash }
  await expectStatus(200, company.as('tom')('POST', `/v1/requests/${id}/answer`, answer))
  await pass()
  const second = news()
  expect(kindsOf(second)).toEqual(['request.closed'])
  expect(second.hook[0]?.event).toMatchObject({ id: `${id}.2`, data: { state: 'agreed' } })
  expect(mailsTo(second)).toEqual(['maya@acme.example'])
  // Tom's message and the channel's are said anew in place; Maya has one of her own.
  const edits = second.slack.map(({ channel, edits }) => `${channel} ${edits}`)
  expect(edits.sort()).toEqual(['C0TEAM 1', 'D0MAYA 0', 'D0TOM 1'])
  for (const each of second.slack) expect(each.blocks[0]?.text?.text).toContain('was agreed to')
}, 60_000)

test('an end is told 7 days, 24 hours and 1 hour before, once each, to its people alone', async () => {
  await makeApp('week', 8)
  await makeApp('other', 20)
  await pass()
  news()
  const warned = async (ms: number) => {
    await pass(ms)
    await pass()
    const told = news()
    const about = told.hook.filter(({ event }) => event.data.link.endsWith('/week'))
    return { told, hours: about.map(({ event }) => event.data.hours) }
  }
  expect((await warned(day - hour)).hours).toEqual([])
  const week = await warned(2 * hour)
  expect(week.hours).toEqual([168])
  expect(week.told.to('maya')).toHaveLength(1)
  expect(week.told.to('tom')).toEqual([])
  expect(week.told.mail.map(({ headers }) => headers['subject'])).toEqual(['week ends in 7 days'])
  expect((await warned(6 * day)).hours).toEqual([24])
  const last = await warned(22 * hour)
  expect(last.hours).toEqual([1])
  expect(mailsTo(last.told)).toEqual(['maya@acme.example', 'tom@acme.example'])
  expect(last.told.to('eve')).toEqual([])

  // Extended: what was said of its end is said anew, and the end that comes is told again.
  outside.slack.messages.push(...last.told.slack)
  const endsAt = new Date(Date.parse(company.clock.now()) + 3 * day).toISOString()
  await expectStatus(200, company.as('maya')('POST', '/v1/apps/week/extend', { endsAt }))
  await pass()
  const later = news()
  expect(kindsOf(later)).toContain('app.extended')
  expect(later.mail).toEqual([])
  expect(later.to('maya').map(({ edits }) => edits)).toEqual([1])
  expect(later.to('maya')[0]?.blocks[0]?.text?.text).toContain('week was extended')
  expect((await warned(2 * day + 60_000)).hours).toEqual([24])
}, 60_000)

test('a server that was away tells the nearest warning alone, and nothing of an app that ended', async () => {
  await makeApp('short', 2)
  await makeApp('gone', 2)
  await pass()
  const plan = (await company.as('maya')('POST', '/v1/apps/gone/end', {})).body
  await company.as('maya')('POST', '/v1/apps/gone/end', { planHash: plan.planHash })
  await pass()
  news()
  await pass(2 * day - 30 * 60_000)
  const told = news()
  const warnings = told.hook.filter(({ event }) => event.type.endsWith('app.ending'))
  const of = (slug: string) => warnings.filter(({ event }) => event.data.link.endsWith(`/${slug}`))
  expect(of('short').map(({ event }) => event.data.hours)).toEqual([1])
  expect(of('gone')).toEqual([])
}, 60_000)

test('who pauses another’s app has its people told, and who pauses their own has not', async () => {
  await makeApp('paused')
  await giveGrant(company, 'paused')
  await pass()
  news()
  const reason = 'look at it'
  await expectStatus(200, company.as('sue')('POST', '/v1/apps/paused/pause', { reason }))
  await pass()
  const paused = newsOf(/paused was paused/)
  expect(paused.hook).toHaveLength(1)
  expect(paused.mail.flatMap(({ to }) => to).sort()).toEqual([
    'maya@acme.example',
    'tom@acme.example',
  ])
  outside.slack.messages.push(...paused.slack)
  await expectStatus(200, company.as('sue')('POST', '/v1/apps/paused/resume', { reason }))
  await pass()
  const resumed = newsOf(/goes on again/)
  expect(resumed.slack.map(({ edits }) => edits)).toEqual([1, 1, 1])
  expect(resumed.mail).toEqual([])
  await expectStatus(200, company.as('maya')('POST', '/v1/apps/paused/pause', { reason }))
  await pass()
  const own = newsOf(/paused was paused/)
  expect([own.hook.length, own.places, own.mail]).toEqual([1, ['C0TEAM'], []])
}, 60_000)

test('an end with its verdict is told to its people, each verdict once', async () => {
  await makeApp('ended')
  await giveGrant(company, 'ended')
  await pass()
  news()
  const plan = (await company.as('maya')('POST', '/v1/apps/ended/end', {})).body
  await company.as('maya')('POST', '/v1/apps/ended/end', { planHash: plan.planHash })
  await vi.waitFor(
    async () => {
      await company.running.world.runNow('offboard')
      const { body } = await company.as('maya')('GET', '/v1/apps/ended/end')
      expect(body.state).toBe('verified-gone')
    },
    { timeout: 20_000 },
  )
  await vi.waitFor(
    async () => {
      await pass()
      expect(outside.hook.kinds().filter(each => each.endsWith('app.ended'))).not.toEqual([])
    },
    { timeout: 20_000 },
  )
  await pass(2 * hour)
  await company.running.world.runNow('offboard')
  await pass()
  const told = news()
  const verdicts = told.hook.filter(({ event }) => event.data.link.endsWith('/apps/ended/end'))
  expect(verdicts.map(({ event }) => event.data.state)).toEqual(['verified-gone'])
  const mails = told.mail.filter(
    ({ headers }) => headers['subject'] === 'ended ended: verified gone',
  )
  expect(mails.flatMap(({ to }) => to).sort()).toEqual(['maya@acme.example', 'tom@acme.example'])
}, 60_000)

test('who left an app without an owner has its backup told, and is told nothing themselves', async () => {
  await makeApp('orphan', 20)
  await pass()
  news()
  const maya = company.ids.maya
  await expectStatus(200, company.as('sam')('POST', `/v1/people/${maya}/leave`))
  await company.running.world.runNow('apps')
  await pass()
  const told = news()
  const orphans = told.mail.filter(({ raw }) => raw.replaceAll('=\n', '').includes('orphan has no'))
  expect(orphans.flatMap(({ to }) => to)).toEqual(['tom@acme.example'])
  expect([
    ...told.to('maya'),
    ...told.mail.filter(({ to }) => to.includes('maya@acme.example')),
  ]).toEqual([])
}, 60_000)

const seen = entryKind('test.notify', 'saw something')
/** Something seen, of Eve or of nobody in particular. */
async function raise(words: string, ownerId: string | null, severity: 'low' | 'high' = 'high') {
  const { world } = company.running
  const of = { kind: 'lease-stuck', severity, ownerId: ownerId as typeof company.ids.eve, words }
  await recorded(world, async scope => {
    await raiseIn(scope, { ...of, about: `of-${Math.random()}` })
    scope.entry({ kind: seen, by: systemId('schedule') })
  })
}

/** What came since the last look of which this is said. */
function newsOf(words: RegExp) {
  const { hook, slack, mail } = news()
  const told = slack.filter(({ text, blocks }) => words.test(text + blocks[0]?.text?.text))
  return {
    hook: hook.filter(({ event }) => words.test(event.data.says)),
    slack: told,
    places: told.map(({ channel }) => channel).sort(),
    mail: mail.filter(({ raw }) => words.test(raw.replaceAll('=\n', ''))),
  }
}

test('what strangers wrote stays text, wherever it arrives', async () => {
  const hostile =
    'Odd <!channel> *<https://evil.example|here>* & \r\nBcc: all@acme.example\u202e http://evil.example <img src=x onerror=y>'
  await raise(hostile, company.ids.eve)
  await pass()
  const { mail: mails, places } = newsOf(/Odd/)
  expect(places).toEqual(['C0TEAM', 'D0EVE'])
  const [mail] = mails
  expect([mail?.to, mails.length]).toEqual([['eve@acme.example'], 1])
  expect(mail?.headers).not.toHaveProperty('bcc')
  expect(mail?.headers['subject']).toMatch(/needs_you=3A_Odd/)
  const raw = mail?.raw.replaceAll('=\n', '') ?? ''
  expect(raw).not.toMatch(/https?:\/\/evil|\u202e|=E2=80=AE/)
  const html = raw.slice(raw.indexOf('<p>'))
  expect(html).toContain('&lt;img src=3Dx onerror=3Dy&gt;')
  expect(html).not.toMatch(/<img|<!/)
  // Slack's own judge looks at each message: only links to our pages are links.
  expect(outside.slack.breaches).toEqual([])
})

test('a finding of nobody in particular is for the role platform, and a low one waits for nine', async () => {
  const roles = { roles: ['platform', 'security'] }
  await expectStatus(200, company.as('sam')('PUT', `/v1/people/${company.ids.sue}/roles`, roles))
  await raise('Everybody looks.', null)
  await pass()
  const told = newsOf(/Everybody looks/)
  expect(told.mail.flatMap(({ to }) => to)).toEqual(['sue@acme.example'])
  // Sam signs in by a link and has no address: no way leads to him but the pages.
  expect(told.places).toEqual(['C0TEAM', 'D0SUE'])
  await raise('Not used for a while.', company.ids.eve, 'low')
  await pass()
  const low = newsOf(/Not used/)
  // A program hears at once.
  expect([low.hook.length, low.mail, low.slack]).toEqual([1, [], []])
  await pass(day)
  const later = newsOf(/Not used/)
  expect(later.mail.flatMap(({ to }) => to)).toEqual(['eve@acme.example'])
  expect(later.places).toEqual(['C0TEAM', 'D0EVE'])
})

test('who does not answer is asked again, others wait for nobody, and after eight tries a person is told', async () => {
  outside.hook.answers = 500
  await raise('One.', company.ids.eve)
  await passes()
  const first = newsOf(/One\./)
  expect([first.hook.length, first.mail.length]).toEqual([1, 1])
  await passes(4_000)
  expect(newsOf(/One\./).hook).toEqual([])
  outside.hook.answers = 204
  await passes(7_000)
  const again = newsOf(/One\./).hook
  expect(again.map(({ event }) => event.id)).toEqual(first.hook.map(({ event }) => event.id))

  outside.hook.answers = 302
  await raise('Two.', company.ids.eve)
  for (const ms of [0, 11_000, hour, hour, hour, 3 * hour, 7 * hour, 16 * hour]) await passes(ms)
  // The last try and what a person is told of it may be of one pass or of two.
  await passes(hour)
  const { hook: tried, mail } = newsOf(/Two\.|The channel ops has not answered/)
  expect(new Set(tried.map(({ event }) => event.id)).size).toBe(1)
  expect(tried).toHaveLength(8)
  expect(mail.flatMap(({ to }) => to).sort()).toEqual(['eve@acme.example', 'sue@acme.example'])
  // It answers again: the finding is over.
  outside.hook.answers = 200
  await raise('Three.', company.ids.eve)
  await passes(hour)
  await passes()
  expect(newsOf(/Three\./).hook).toHaveLength(1)
  const { items } = (await company.as('sam')('GET', '/v1/findings')).body
  expect(items.filter((each: { kind: string }) => each.kind === 'channel-silent')).toEqual([])
}, 60_000)

test('Slack or a mail server that refuses costs its own messages a delay', async () => {
  outside.slack.fault = 'ratelimited'
  outside.mail.answers = 550
  await raise('Four.', company.ids.eve)
  await passes()
  const down = newsOf(/Four\./)
  expect([down.hook.length, down.mail, down.slack]).toEqual([1, [], []])
  outside.slack.fault = null
  outside.mail.answers = 250
  await passes(11_000)
  await passes(11_000)
  const up = newsOf(/Four\./)
  expect([up.mail.length, up.places]).toEqual([1, ['C0TEAM', 'D0EVE']])
})

test('a channel with too much waiting takes no more, and a person is told; the others go on', async () => {
  await pass()
  news()
  const { store } = company.running.world
  await store.query(`
    insert into notice (id, channel, person_id, kind, about, thread, facts, quiet, at, due_at)
    select 'x' || n, 'ops', '', 'finding.raised', 'x', 'x' || n, '{}', false, now() + interval '50 days', now() + interval '90 days'
    from generate_series(1, 5000) n`)
  await raise('Five.', company.ids.eve)
  await pass()
  await pass()
  const told = newsOf(/Five\.|The channel ops has too much waiting/)
  expect(told.hook).toEqual([])
  expect(told.mail.flatMap(({ to }) => to).sort()).toEqual(['eve@acme.example', 'sue@acme.example'])
  await store.query(`delete from notice where about = 'x'`)
  await raise('Six.', company.ids.eve)
  await pass()
  expect(newsOf(/Six\./).hook).toHaveLength(1)
})

test('no secret, and no address of a person, is in the log of the server', () => {
  const log = JSON.stringify(company.logged)
  expect(log).toContain('notify')
  for (const secret of outside.secrets) expect(log).not.toContain(secret)
  expect(log).not.toContain('eve@acme.example')
  expect(outside.mail.signedIn[0]).toContain('robot')
})
