import { describe, expect, it } from 'vitest'
import { problemTable } from './problems.ts'

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
