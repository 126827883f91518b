import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PersonId } from '../base/ids.ts'
import { countAnswers, mayAnswer } from './approval.ts'

const people = ['pe_a', 'pe_b', 'pe_c', 'pe_d', 'pe_e'] as PersonId[]
const anyone = fc.constantFrom(...people)
const request = fc.record({
  askedBy: anyone,
  approvers: fc.uniqueArray(anyone),
  quorum: fc.integer({ min: 1, max: 4 }),
  ownAnswer: fc.boolean(),
  bodyHash: fc.constant('h1'),
})
const answers = fc.array(
  fc.record({
    personId: anyone,
    says: fc.constantFrom('yes' as const, 'no' as const),
    bodyHash: fc.constantFrom('h1', 'h2'),
  }),
  { maxLength: 8 },
)
const living = fc.uniqueArray(anyone).map(ids => new Set(ids))

describe('a request', () => {
  it('is agreed only by enough distinct, living, asked people who saw exactly this hash', () => {
    fc.assert(
      fc.property(request, answers, living, (asked, given, alive) => {
        if (countAnswers(asked, given, alive) !== 'agreed') return
        const behind = new Set(
          given
            .filter(one => one.says === 'yes' && one.bodyHash === asked.bodyHash)
            .map(one => one.personId)
            .filter(id => alive.has(id) && asked.approvers.includes(id))
            .filter(id => id !== asked.askedBy || asked.ownAnswer),
        )
        expect(behind.size).toBeGreaterThanOrEqual(asked.quorum)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is never agreed by its asker alone, whoever else answers to another hash', () => {
    fc.assert(
      fc.property(request, answers, living, (asked, given, alive) => {
        const own = given.filter(
          one => one.personId === asked.askedBy || one.bodyHash !== asked.bodyHash,
        )
        const team = { ...asked, ownAnswer: false }
        expect(countAnswers(team, own, alive)).toBe('open')
      }),
    )
  })

  it('is not agreed by the same person twice', () => {
    const twice = { personId: 'pe_b' as PersonId, says: 'yes' as const, bodyHash: 'h1' }
    const asked = {
      askedBy: 'pe_a' as PersonId,
      approvers: ['pe_b', 'pe_c'] as PersonId[],
      quorum: 2,
      ownAnswer: false,
      bodyHash: 'h1',
    }
    const alive = new Set(people)
    expect(countAnswers(asked, [twice, twice], alive)).toBe('open')
    const both = [twice, { ...twice, personId: 'pe_c' as PersonId }]
    expect(countAnswers(asked, both, alive)).toBe('agreed')
  })

  it('does not become more agreed when somebody leaves or an answer is taken away', () => {
    fc.assert(
      fc.property(request, answers, living, anyone, (asked, given, alive, leaver) => {
        const yesOnly = given.filter(one => one.says === 'yes')
        if (countAnswers(asked, yesOnly, alive) === 'agreed') return
        const fewer = new Set([...alive].filter(id => id !== leaver))
        expect(countAnswers(asked, yesOnly, fewer)).toBe('open')
        expect(countAnswers(asked, yesOnly.slice(1), alive)).toBe('open')
      }),
    )
  })

  it('is stopped by one no of somebody who may answer, and by nobody else’s', () => {
    fc.assert(
      fc.property(request, answers, living, (asked, given, alive) => {
        const counts = given.some(
          one =>
            one.says === 'no' &&
            one.bodyHash === asked.bodyHash &&
            alive.has(one.personId) &&
            mayAnswer(asked, one.personId),
        )
        expect(countAnswers(asked, given, alive) === 'denied').toBe(counts)
      }),
    )
  })
})
