import { describe, expect, test } from 'vitest'
import { type LiarAnswer, showLiar, showThief, type ThiefAnswer } from './shown.ts'

const thief: ThiefAnswer = {
  app: 'deal-desk',
  lease: 'L-7K2Q9',
  tries: [
    { what: 'gateway', refused: true, says: 'its task ended' },
    { what: 'PostgreSQL', refused: true, says: 'password authentication failed' },
  ],
  aliveSeconds: 1.84,
  certificate: 'demo/deal-desk.end.json',
}
const liar: LiarAnswer = {
  app: 'invoice-bot',
  lease: 'L-1V0CE',
  steps: [
    { what: 'ended', ok: true, says: 'the database said: dropped' },
    { what: 'looked again', ok: false, says: 'the role is still there' },
  ],
  state: 'not-green',
  green: 0,
  of: 1,
  certificate: 'demo/invoice-bot.end.json',
  nextTries: ['2026-11-22T14:03:00Z', '2026-11-22T14:05:00Z'],
}

describe('the thief', () => {
  test('is shown at each door, and how long the copy was worth something', () => {
    expect(showThief(thief).lines.join('\n')).toMatchInlineSnapshot(`
      "  The copy of L-7K2Q9, taken while it was alive, used now:
          gateway         ✕ its task ended
          PostgreSQL      ✕ password authentication failed
        It was alive for 1.8 s.   A leaked secret usually takes 27 days to remediate."
    `)
    expect(showThief(thief)).toMatchObject({
      ok: true,
      next: 'leasehold verify demo/deal-desk.end.json',
    })
  })

  test('who gets in anywhere is bad news', () => {
    const tries = thief.tries.map((each, i) => ({ ...each, refused: i > 0 }))
    const { ok, lines } = showThief({ ...thief, tries })
    expect(ok).toBe(false)
    expect(lines.join('\n')).toContain('gateway         ● its task ended')
  })
})

test('the liar is shown with what was looked at, and again when it stopped', () => {
  const { lines } = showLiar(liar)
  expect(lines.join('\n')).toContain('looked again          ✕ the role is still there')
  expect(lines.join('\n')).toMatch(/0 of 1 verified gone\. {2}1 still there.*not green/)
  expect(lines.join('\n')).toMatch(/Trying again at \d\d:03:00, \d\d:05:00 …/)
  const honest = showLiar({ ...liar, state: 'verified-gone', green: 1, nextTries: [] })
  expect(honest.lines.join('\n')).toContain('● 1 of 1 verified gone.  The certificate is green now')
  expect(honest).toMatchObject({ ok: true, next: 'leasehold new "what it should do"' })
})
