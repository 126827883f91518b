import { describe, expect, it } from 'vitest'
import { assert, isProblem, Problem } from './problem.ts'
import { type ProblemCode, problemTable } from './problems.ts'

describe('the table of problems', () => {
  const rows = Object.entries(problemTable)

  it('is a promise to programs: a code keeps its status, OAuth code and exit code', async () => {
    const lines = rows.map(([code, row]) => `${code} ${row.status} ${row.oauth} ${row.exit}\n`)
    await expect(lines.join('')).toMatchFileSnapshot('../../../test/golden/problems.txt')
  })

  it('has statuses of errors, exit codes a shell can tell, and titles that are one line', () => {
    for (const [code, row] of rows) {
      expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
      expect(row.status).toBeGreaterThanOrEqual(400)
      expect(row.status).toBeLessThan(600)
      expect(row.exit).toBeGreaterThan(0)
      expect(row.exit).toBeLessThan(126)
      expect(row.title).toMatch(/^[A-Z][^\n.]{5,60}$/)
    }
  })

  it('speaks OAuth only in words RFC 6749, 7009 and 8707 know', () => {
    const known = [
      'invalid_request',
      'invalid_client',
      'invalid_grant',
      'invalid_scope',
      'invalid_token',
      'invalid_target',
      'access_denied',
      'unsupported_grant_type',
      'temporarily_unavailable',
      'server_error',
    ]
    for (const [, row] of rows) expect(known).toContain(row.oauth)
  })
})

describe('a problem', () => {
  it('carries what the caller and we may know, apart', () => {
    const cause = new Error('why')
    const problem = new Problem('not-found', { detail: 'No `x`.', next: 'ls', log: 'row 7', cause })
    expect(problem).toMatchObject({ code: 'not-found', status: 404, next: 'ls', cause })
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
