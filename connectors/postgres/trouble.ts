/**
 * What went wrong at the server, as a `Problem`. A driver's error never crosses: it can quote the
 * statement. Of its text only messages that name nothing but objects are kept.
 */
import pg from 'pg'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { safeText } from '../../src/core/base/text.ts'

/** SQLSTATEs: PostgreSQL's, and ours (class LH), which our own blocks raise. */
export const sqlState = {
  deadlinePassed: 'LH001',
  stopped: 'LH002',
  sessionsLive: 'LH003',
  missing: 'LH004',
  dependents: '2BP01',
  noRight: '42501',
  badPassword: '28P01',
  badAuthorization: '28000',
  noDatabase: '3D000',
} as const

const next = 'Compare the server with the recipe in docs/connectors/postgres.md.'

export function stateOf(thrown: unknown): string | undefined {
  return thrown instanceof pg.DatabaseError ? thrown.code : undefined
}

export function explain(thrown: unknown): Problem {
  if (isProblem(thrown)) return thrown
  const state = stateOf(thrown)
  if (state === undefined) return unavailable(nameOf(thrown))
  const [says, then = next] = known[state] ?? []
  if (says !== undefined) return refused(says, state, then)
  if (namesObjects.test(state))
    return refused(`PostgreSQL refused: ${safeText((thrown as Error).message)}.`, state, next)
  // Shutting down, too many connections, disk full, canceled by a time-out, lock not had in time.
  if (/^(08|53|55|57|58|40)/.test(state)) return unavailable(state)
  return refused(`PostgreSQL refused with the code ${state}.`, state, next)
}

const notOurs = "PostgreSQL refuses the connector's own account."
const stopped = 'A role of this name is there, stopped or changed; it is not brought back.'
const known: Readonly<Record<string, readonly [says: string, next?: string]>> = {
  [sqlState.deadlinePassed]: [
    'PostgreSQL refused: the deadline of this command had passed.',
    'Try again.',
  ],
  [sqlState.stopped]: [stopped, 'End it, then ask for a new lease.'],
  [sqlState.missing]: ['The role is not at the server any more.', 'Ask for a new lease.'],
  [sqlState.badPassword]: [notOurs],
  [sqlState.badAuthorization]: [notOurs],
}

/** No right; no such database, schema, table, column, role; something depends on it. */
const namesObjects = /^(42501|3D000|3F000|42P01|42703|42704|2BP01)$/

function refused(detail: string, state: string, nextStep: string): Problem {
  return new Problem('target-refused', { detail, next: nextStep, log: `sqlstate ${state}` })
}

function unavailable(log: string): Problem {
  return new Problem('target-unavailable', {
    detail: `PostgreSQL did not answer, or broke off (${log}).`,
    next: 'Try again; what was begun there is looked at and cleaned up.',
    log,
  })
}

/** Codes like ECONNREFUSED; never a message. */
function nameOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown
  const { code } = thrown as NodeJS.ErrnoException
  return typeof code === 'string' ? code : thrown.name
}
