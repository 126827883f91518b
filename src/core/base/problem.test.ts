import { describe, expect, it } from 'vitest'
import {
  assert,
  isProblem,
  Problem,
  type ProblemCode,
  problemsAlike,
  problemsWith,
} from './problem.ts'

describe('a problem', () => {
  it('carries what the caller and we may know, apart', () => {
    const cause = new Error('why')
    const problem = new Problem('not-found', { detail: 'No `x`.', next: 'ls', log: 'row 7', cause })
    expect(problem).toMatchObject({ code: 'not-found', next: 'ls', cause })
    expect(problem.message).toBe('not-found: No `x`.')
    expect(problem.message).not.toContain('row 7')
  })

  it('is told from other errors, by code if asked', () => {
    const problem: unknown = new Problem('stale', { detail: 'x' })
    expect(isProblem(problem)).toBe(true)
    expect(isProblem(problem, 'stale')).toBe(true)
    expect(isProblem(problem, 'denied')).toBe(false)
    expect(isProblem(new Error('stale'))).toBe(false)
    expect(isProblem({ code: 'stale' satisfies ProblemCode })).toBe(false)
  })

  it('is not what a bug is', () => {
    expect(() => assert(false, 'never')).toThrow('assertion failed: never')
    expect(() => assert(1, 'fine')).not.toThrow()
  })
})

it('what is alike says the same to every caller, whatever failed; only the log tells', () => {
  const refused = problemsAlike('token-refused', { detail: 'Not accepted.', next: 'Sign in.' })
  const [one, other] = [refused('too long'), refused('no key', new Error('inner'))]
  const shown = ({ code, detail, next, field, message }: Problem) => [
    code,
    detail,
    next,
    field,
    message,
  ]
  expect(shown(one)).toEqual(shown(other))
  expect([one.log, other.log]).toEqual(['too long', 'no key'])
  expect(JSON.stringify(shown(other))).not.toContain('no key')
})

it('what shares a next step says what is wrong, and where', () => {
  const invalid = problemsWith('invalid-field', 'Look again.')
  expect(invalid('No.', 'a')).toMatchObject({ detail: 'No.', next: 'Look again.', field: 'a' })
  expect(invalid('No.').field).toBeUndefined()
})
