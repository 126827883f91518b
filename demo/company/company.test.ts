/** A third of the company, twice: by its real server, real PostgreSQL and pretend systems. All of it: `.ci/run company`. */
import { beforeAll, describe, expect, test } from 'vitest'
import { parseInstant } from '../../src/core/base/time.ts'
import { amiss, countCompany, countDecisions } from './count.ts'
import type { Plan } from './plan.ts'
import { wanted } from './plan.ts'
import { makeCompany, parseAsked, verifyOne, verifyStopped } from './run.ts'
import { storiesOf } from './stories.ts'

const now = parseInstant('2026-11-20T14:06:00Z')
/** Who has a story, and one of each other fate. */
const slugs =
  'invoice-bot hr-faq qbr-writer pipeline-digest campaign-wall word-watch late-payers truck-board forecast churn-radar quarter-close stock-alert night-import'.split(
    ' ',
  )

function trim(plan: Plan): Plan {
  const apps = plan.apps.filter(({ slug }) => slugs.includes(slug))
  const subs = new Set(apps.flatMap(({ owner, backup }) => [owner.sub, backup.sub]))
  const people = plan.people.filter(({ sub }, i) => i < 8 || subs.has(sub))
  // Those that live are some days old; what is not used for longer would rest.
  const short = apps.map(app => {
    if (app.overAgo > 0) return app
    const madeAgo = Math.min(app.madeAgo, 4)
    return { ...app, madeAgo, worksAgo: app.worksAgo.filter(ago => ago < madeAgo) }
  })
  return { ...plan, people, apps: short }
}

async function makeOnce() {
  const { company } = await makeCompany({ seed: 7, now, port: 0, isKept: false, trim }, () => {})
  try {
    const { counts, listed } = await countCompany(company)
    const decisions = await countDecisions(company)
    const told: Record<string, boolean> = {}
    for (const [name, story] of Object.entries(storiesOf(company)))
      told[name] = (await story({})).ok
    const certificate = await verifyOne(company)
    const log = await verifyStopped(company)
    return { counts, listed, decisions, told, certificate, log }
  } finally {
    await company.parts.stop()
  }
}

describe('the company', () => {
  let first: Awaited<ReturnType<typeof makeOnce>>
  let second: Awaited<ReturnType<typeof makeOnce>>
  beforeAll(async () => {
    first = await makeOnce()
    second = await makeOnce()
  }, 480_000)

  test('holds its apps in the states that they are to be in, each by the server’s own word', () => {
    const states = Object.groupBy(first.listed, ({ state }) => state)
    const named = Object.entries(states).map(([state, some = []]) => [
      state,
      some.map(({ slug }) => slug).join(' '),
    ])
    expect(Object.fromEntries(named)).toEqual({
      running:
        'campaign-wall hr-faq invoice-bot late-payers pipeline-digest qbr-writer stock-alert-service truck-board word-watch',
      waiting: 'forecast',
      drifting: 'churn-radar',
      ended: 'quarter-close',
      graduated: 'stock-alert',
      orphan: 'night-import',
    })
    expect(first.listed.find(({ slug }) => slug === 'pipeline-digest')?.owner).toBe('Maya Ortiz')
  })

  test('has its ends proven: a certificate that our command line takes, and not when it is changed', () => {
    expect(first.counts).toMatchObject({ proven: 2, unmanaged: 31, datasets: 6, verified: true })
    expect(first.certificate.wrong).toEqual([])
  })

  test('leaves a log that verifies from its database alone', () => {
    expect(first.log.wrong).toEqual([])
    expect(first.log.entries).toBeGreaterThan(first.counts.entries)
  })

  test('of one seed and one time is the same twice: names, states, counts, decisions by day', () => {
    const { entries: _, ...counts } = first.counts
    expect(second.counts).toMatchObject(counts)
    expect(second.listed).toEqual(first.listed)
    expect(second.decisions).toEqual(first.decisions)
  })

  test('was told no on some days, and the last decision is of today', () => {
    expect(first.decisions.some(({ allowed }) => !allowed)).toBe(true)
    expect(first.decisions.at(-1)?.day).toBe('2026-11-20')
  })

  test('tells each of its stories, and each comes out well', () => {
    expect(first.told).toEqual({ leak: true, drift: true, leave: true, ask: true })
  })

  test('that lacks something says what', () => {
    const all = { ...first.counts, ...wanted, proven: 9 }
    expect(amiss(all)).toEqual([])
    expect(amiss({ ...all, drifting: 2, proven: 8, verified: false })).toEqual([
      'drifting: 2, not 3',
      'proven: 8, not 9',
      'the log does not verify',
    ])
  })
})

test('a seed or a time is read, or refused before anything is started', () => {
  const none = { seed: undefined, now: undefined }
  expect(parseAsked(none)).toEqual({ seed: 7, now: null })
  expect(parseAsked({ seed: '0', now: '2026-11-20T14:06Z' })).toEqual({ seed: 0, now })
  for (const seed of ['x', '1.5', '-1', '', '12345678901'])
    expect(parseAsked({ ...none, seed })).toBeUndefined()
  for (const each of ['yesterday', '2026-13-01T00:00Z', '2026-11-20T14:06', ''])
    expect(parseAsked({ ...none, now: each })).toBeUndefined()
})
