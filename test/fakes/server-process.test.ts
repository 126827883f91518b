import { afterEach, expect, it, vi } from 'vitest'
import { findProgram, needs } from './server-process.ts'

afterEach(() => vi.unstubAllEnvs())

it('a suite whose server is not here is skipped by a name that says so', () => {
  vi.stubEnv('LEASEHOLD_NEEDS_SERVERS', '')
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  expect(needs('no-such-server')).toEqual({
    isHere: false,
    name: 'skipped: needs no-such-server',
  })
  expect(warn).toHaveBeenCalledWith('skipped: needs no-such-server')
  warn.mockRestore()
})

it('and fails where servers are needed', () => {
  vi.stubEnv('LEASEHOLD_NEEDS_SERVERS', '1')
  expect(() => needs('no-such-server')).toThrow('no-such-server is not installed')
  expect(needs('sh')).toEqual({ isHere: true, name: 'sh' })
  expect(findProgram('sh')).toMatch(/\/sh$/)
})
