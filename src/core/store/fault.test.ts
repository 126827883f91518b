import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Problem } from '../base/problem.ts'
import { isNoRoom, noRoom, StoreFault, translate, violatedConstraint } from './fault.ts'

function driverError(code: string, message = 'secret text', more: object = {}): Error {
  return Object.assign(new Error(message), {
    code,
    detail: 'Key (a)=(secret row)',
    params: ['s'],
    ...more,
  })
}

describe('a database that is not there', () => {
  it.each([
    '08000',
    '08006',
    '53200',
    '53300',
    '57P01',
    '57P02',
    '57P03',
    '57014',
    '55P03',
    '25006',
    '25P03',
    '58030',
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
  ])('is store-unavailable: %s', code => {
    const problem = translate(driverError(code)) as Problem
    expect(problem).toMatchObject({ code: 'store-unavailable', log: code })
    expect(problem.next).toContain('again')
  })

  it.each([
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'PGlite is closed',
    'Aborted(). Build with -sASSERTIONS for more info.',
  ])('is store-unavailable by words alone: %s', message => {
    expect(translate(new Error(message))).toMatchObject({ code: 'store-unavailable' })
  })
})

it('a full disk is told from an outage, and says what goes on', () => {
  const problem = translate(driverError('53100'))
  expect(problem).toMatchObject({
    code: 'store-unavailable',
    next: expect.stringContaining('room'),
  })
  expect(isNoRoom(problem)).toBe(true)
  expect(isNoRoom(noRoom)).toBe(true)
  expect(isNoRoom(translate(driverError('53200')))).toBe(false)
})

it.each(['40001', '40P01'])('a lost race is a conflict: %s', code => {
  expect(translate(driverError(code))).toMatchObject({ code: 'conflict' })
})

it.each(['28P01', '28000', '3D000'])('a refused sign-in is a matter of configuration: %s', code => {
  expect(translate(driverError(code))).toMatchObject({ code: 'bad-configuration' })
})

it.each(['23505', '23503', '23514', '23502', '23P01'])(
  'a broken rule %s is told by its name, and nothing of the row goes with it',
  code => {
    const fault = translate(driverError(code, 'duplicate key', { constraint: 'app_slug' }))
    expect(fault).toBeInstanceOf(StoreFault)
    expect(violatedConstraint(fault)).toBe('app_slug')
    expect(inspect(fault, { depth: 9, showHidden: true })).not.toContain('secret')
  },
)

it('values quoted in data exceptions are left out', () => {
  const fault = translate(driverError('22P02', 'invalid input syntax: "hunter2"')) as StoreFault
  expect(fault.sqlstate).toBe('22P02')
  expect(fault.message).not.toContain('hunter2')
})

it('a rule is broken only where one is named', () => {
  expect(violatedConstraint(translate(driverError('23502')))).toBeNull()
  expect(violatedConstraint(translate(driverError('42501', 'x', { constraint: 'y' })))).toBeNull()
  expect(violatedConstraint(new Error('x'))).toBeNull()
})

it('what is ours, and what is a bug, passes as it is', () => {
  const problem = new Problem('denied', { detail: 'x' })
  const fault = new StoreFault('23505', null, 'x')
  const bug = new TypeError('x is not a function')
  for (const thrown of [problem, fault, bug, 'text', undefined])
    expect(translate(thrown)).toBe(thrown)
})
