// The judge of the heavy suites: each promise, broken alone, is named; a missing figure breaks it.
import { describe, expect, it } from 'vitest'
import { judge, readRows } from './judge.ts'

const hop = (state: string) => ({ state, by: 'the issuer' })
const DEMO = {
  orphans: 0,
  certificate: { state: 'verified-gone' },
  ledger: { verified: true },
  denied: { rule: 'customer-data-write' },
  trace: [...Array.from({ length: 5 }, () => hop('proven')), hop('asserted')],
  replay: { decisions: 9, identical: 9, changed: 1 },
  seconds: 4,
}
const gone = { system: 'aws', state: 'verified-gone' }
const said = { system: 'notion', state: 'manual-attested' }
const EVERYWHERE = {
  orphans: 0,
  items: [gone, said],
  systems: Array.from({ length: 10 }, (_, nth) => ({ name: `system ${nth}` })),
  notion: { before: 'still-there', after: 'manual-attested' },
  certificate: { state: 'not-green' },
  ledger: { verified: true },
  seconds: 4,
}
const GRADUATE = {
  requests: 195,
  failedRequests: 0,
  perSecond: 29.9,
  overlapSeconds: 0.4,
  certificate: { state: 'verified-gone' },
  successor: { stage: 'managed' },
  orphans: 0,
  ledger: { verified: true },
}
const SHIP = {
  requests: 100,
  failedRequests: 0,
  versions: 2,
  greeted: true,
  cameBack: true,
  trace: { commit: true, run: true, visit: true },
  endedPage: true,
  left: { files: 0, processes: 0 },
  certificate: { state: 'verified-gone' },
  ledger: { verified: true },
}
const byHand = (name: string) => ({ name, end: 'revoked' })
const DAY = {
  teams: 39,
  objects: 429,
  seconds: { open: 180, close: 120 },
  residue: 0,
  bornOutside: ['a', 'b', 'c'].map(byHand),
  report: { verified: true },
  lying: { system: 'old-billing', refused: true },
}
const COMPANY = {
  counts: {
    people: 84,
    departments: 12,
    apps: 47,
    running: 28,
    waiting: 6,
    drifting: 3,
    ended: 6,
    graduated: 3,
    orphan: 1,
    proven: 9,
    unmanaged: 31,
    datasets: 6,
    entries: 2078,
  },
  apps: [{ slug: 'deal-desk', state: 'running' }],
  decisions: [{ day: '2026-11-20', allowed: true, count: 41 }],
  certificate: { verified: true },
  log: { verified: true },
  seconds: { whole: 40 },
}
const CHAOS = { orphans: 0, ghosts: 0, doubleIssues: 0, missingEntries: 0, acked: 1000 }
const BENCH = [
  { name: 'token-exchange', ratio: 1.8 },
  { name: 'ledger-entries', ratio: 0.5 },
  { name: 'lease-cycle', ratio: 0.6 },
  { name: 'expiry', ratio: 0.5 },
  { name: 'offboard', ratio: 5, ours: 30 },
  { name: 'inventory', ratio: 1 },
  { name: 'record', ratio: 0.6 },
  { name: 'decision', ratio: 50 },
  { name: 'decision-api', ratio: 0.6 },
  { name: 'mcp-gateway', ratio: 0.5 },
  { name: 'tcp-gateway', ratio: 0.667 },
  { name: 'http-gateway', ratio: 0.667 },
  { name: 'replay', ratio: 1 },
  { name: 'revocation', ratio: 1 },
  { name: 'decision-scaling', ratio: 1 },
]

it('what keeps every promise has nothing broken', () => {
  expect(judge('demo', [DEMO]).broken).toEqual([])
  expect(judge('everywhere', [EVERYWHERE]).broken).toEqual([])
  expect(judge('graduate', [GRADUATE]).broken).toEqual([])
  expect(judge('ship', [SHIP]).broken).toEqual([])
  expect(judge('day', [DAY]).broken).toEqual([])
  // Of two runs only the length of the log differs: what a server does by itself comes in its own time.
  const again = { ...COMPANY, counts: { ...COMPANY.counts, entries: 2079 }, seconds: { whole: 41 } }
  expect(judge('company', [COMPANY, again]).broken).toEqual([])
  expect(judge('chaos', [CHAOS], 200).broken).toEqual([])
  expect(judge('bench', BENCH).broken).toEqual([])
})

it('what said nothing has broken everything', () => {
  expect(judge('demo', []).broken).toHaveLength(8)
  expect(judge('everywhere', []).broken).toHaveLength(6)
  expect(judge('graduate', []).broken).toHaveLength(7)
  expect(judge('day', []).broken).toHaveLength(7)
  expect(judge('company', []).broken).toHaveLength(17)
  expect(judge('chaos', [], 200).broken).toHaveLength(5)
  expect(judge('bench', []).broken).toHaveLength(16)
})

describe('one broken promise is named', () => {
  it.each([
    [{ orphans: 1 }, 'no orphan is left'],
    [{ certificate: { state: 'still-there' } }, 'the certificate says verified-gone'],
    [{ ledger: { verified: 'true' } }, 'the log verifies'],
    [{ denied: { rule: '' } }, 'a refusal names its rule'],
    [{ trace: DEMO.trace.slice(1) }, '5 hops are proven'],
    [{ trace: [...DEMO.trace, hop('missing')] }, 'no hop is missing'],
    [{ replay: { ...DEMO.replay, identical: 8 } }, 'every decision replays the same'],
    [{ replay: { ...DEMO.replay, changed: 0 } }, 'the stricter policy changes one'],
  ])('in the demo: %j', (change, promise) => {
    expect(judge('demo', [{ ...DEMO, ...change }]).broken).toEqual([promise])
  })

  it.each([
    [{ counts: { ...COMPANY.counts, drifting: 2 } }, 'drifting is 3'],
    [{ counts: { ...COMPANY.counts, proven: 8 } }, 'proven is 9'],
    [{ certificate: {} }, 'a certificate verifies without the server'],
    [{ log: { verified: 'true' } }, 'the log verifies from its database alone'],
  ])('in the pretend company: %j', (change, promise) => {
    const run = { ...COMPANY, ...change }
    expect(judge('company', [run, run]).broken).toEqual([promise])
  })

  it.each([
    [{ apps: [] }, 'a second run of the seed has the same names and states'],
    [{ decisions: [] }, 'and the same decisions by day'],
    [{ counts: { ...COMPANY.counts, leases: 1 } }, 'and the same counts'],
  ])('in its second run: %j', (change, promise) => {
    expect(judge('company', [COMPANY, { ...COMPANY, ...change }]).broken).toEqual([promise])
    expect(judge('company', [COMPANY]).broken).toHaveLength(3)
  })

  it.each([
    [{ orphans: 1 }, 'no orphan is left'],
    [{ systems: EVERYWHERE.systems.slice(1) }, 'nine systems and we are looked at'],
    [{ notion: { before: 'unreachable' } }, 'what is still there is told'],
    [
      { items: [{ ...gone, state: 'unreachable' }, said] },
      'what a person says is the only thing open',
    ],
    [{ items: [gone] }, 'what a person says is the only thing open'],
    [{ certificate: { state: 'verified-gone' } }, 'it is not green'],
    [{ ledger: { verified: false } }, 'the log verifies'],
  ])('in the demo of nine systems: %j', (change, promise) => {
    expect(judge('everywhere', [{ ...EVERYWHERE, ...change }]).broken).toEqual([promise])
  })

  it.each([
    [{ failedRequests: 1 }, 'no request failed'],
    [{ perSecond: 19.9 }, 'somebody asked 20 times a second'],
    [{ overlapSeconds: 61 }, 'both had access for a minute at most'],
    [
      { certificate: { state: 'not-green' } },
      'the certificate of the old identities says verified-gone',
    ],
    [{ successor: { stage: 'prototype' } }, 'the successor is managed'],
    [{ orphans: 1 }, 'no orphan is left'],
    [{ ledger: { verified: false } }, 'the log verifies'],
  ])('in the graduation: %j', (change, promise) => {
    expect(judge('graduate', [{ ...GRADUATE, ...change }]).broken).toEqual([promise])
  })

  it.each([
    [{ failedRequests: 1 }, 'no request failed'],
    [{ requests: 0 }, 'no request failed'],
    [{ versions: 1 }, 'a newer version took over'],
    [{ greeted: false }, 'who looks is greeted by name'],
    [{ cameBack: false }, 'what died answers again'],
    [{ trace: { commit: true, run: true } }, 'commit, run and visit are in the trace'],
    [{ endedPage: false }, 'its address says that it has ended'],
    [{ left: { files: 1, processes: 0 } }, 'nothing is left in the runner'],
    [{ certificate: { state: 'not-green' } }, 'the certificate says verified-gone'],
    [{ ledger: { verified: false } }, 'the log verifies'],
  ])('in the demo of what CI deploys: %j', (change, promise) => {
    expect(judge('ship', [{ ...SHIP, ...change }]).broken).toEqual([promise])
  })

  it.each([
    [{ residue: 1 }, 'nothing is left'],
    [{ objects: 279 }, '280 things are closed with proof'],
    [{ seconds: { open: 181, close: 1 } }, 'it is opened in 180 s'],
    [{ seconds: { open: 1 } }, 'it is closed in 120 s'],
    [{ bornOutside: [] }, 'the three made by hand are named, each with its end'],
    [{ report: { verified: false } }, 'the report is proven'],
    [{ lying: { system: '', refused: true } }, 'a system that lies is named, and refused'],
  ])('in the demo of a day: %j', (change, promise) => {
    expect(judge('day', [{ ...DAY, ...change }]).broken).toEqual([promise])
  })

  it.each([
    [{ orphans: 1 }, 'orphans is 0'],
    [{ ghosts: 1 }, 'ghosts is 0'],
    [{ doubleIssues: 1 }, 'doubleIssues is 0'],
    [{ missingEntries: 1 }, 'missingEntries is 0'],
    [{ acked: 999 }, '1000 were acked'],
  ])('in the crash test: %j', (change, promise) => {
    expect(judge('chaos', [{ ...CHAOS, ...change }], 200).broken).toEqual([promise])
  })

  it('in the benches', () => {
    const withExpiry = (ratio: number) =>
      judge(
        'bench',
        BENCH.map(row => (row.name === 'expiry' ? { ...row, ratio } : row)),
      )
    expect(withExpiry(0.19).broken).toEqual(['expiry reaches 0.2'])
    // Between the floor and the goal it passes, and says that it is short.
    expect(withExpiry(0.49).broken).toEqual([])
    expect(withExpiry(0.49).figures).toContain('expiry 0.49 (short of 0.5)')
    expect(withExpiry(0.5).figures).not.toContain('short')
  })

  it('in what may take so long and no longer, however slow the other side is', () => {
    const withEnds = (ours: number) =>
      judge(
        'bench',
        BENCH.map(row => (row.name === 'offboard' ? { ...row, ours } : row)),
      )
    expect(withEnds(50.1).broken).toEqual(['offboard takes at most 50 s'])
    expect(withEnds(31).broken).toEqual([])
    expect(withEnds(31).figures).toContain('offboard 31 s (short of 30)')
    expect(withEnds(30).figures).not.toContain('short')
  })
})

it('reads the JSON among lines for people', () => {
  expect(readRows('started\n{"a":1}\n\n{"a":2}\ndone\n')).toEqual([{ a: 1 }, { a: 2 }])
})
