/**
 * What went wrong at the server, as a `Problem`. A driver's error never crosses: it holds the
 * statement, and the server's own words name hosts.
 */
import { isProblem, Problem } from '../../src/core/base/problem.ts'

/** SQLSTATEs of ours (class LH), which our own blocks raise. */
export const signal = {
  deadlinePassed: 'LH001',
  stopped: 'LH002',
  sessionsLive: 'LH003',
  missing: 'LH004',
  noHolder: 'LH005',
  lockNotHad: 'LH009',
} as const

/** Numbers of MariaDB's errors. */
export const code = {
  badPassword: 1045,
  noPassword: 1698,
  locked: 4151,
  tooManyOfUser: 1226,
  noRight: 1142,
} as const

export function stateOf(thrown: unknown): unknown {
  return memberOf(thrown, 'sqlState')
}

/** Undefined for what no server said. */
export function codeOf(thrown: unknown): number | undefined {
  const number = stateOf(thrown) === undefined ? undefined : memberOf(thrown, 'errno')
  return typeof number === 'number' ? number : undefined
}

export function explain(thrown: unknown): Problem {
  if (isProblem(thrown)) return thrown
  const [state, number] = [stateOf(thrown), codeOf(thrown)]
  const says = known.get(state) ?? known.get(number)
  const isAnswer = number !== undefined && state !== signal.lockNotHad && !passing.has(number)
  if (says === undefined && !isAnswer) {
    // Codes like ECONNREFUSED, or the number; never a message.
    const log = String(number ?? memberOf(thrown, 'code') ?? memberOf(thrown, 'name'))
    return new Problem('target-unavailable', {
      detail: `MariaDB did not answer, or broke off (${log}).`,
      next: 'Try again; what was begun there is looked at and cleaned up.',
      log,
    })
  }
  return new Problem('target-refused', {
    detail: says ?? `MariaDB refused with the code ${number}.`,
    next: 'Compare the server with the recipe in docs/connectors/mysql.md, and ask again.',
    log: `mariadb ${number}`,
  })
}

const notOurs = "MariaDB refuses the connector's own account."
const known = new Map<unknown, string>([
  [signal.deadlinePassed, 'MariaDB refused: the deadline of this command had passed.'],
  [signal.stopped, 'An account of this name is there, stopped or changed; it is not brought back.'],
  [signal.missing, 'The account is not at the server any more.'],
  [signal.noHolder, "The role with the grant's rights is not there."],
  [code.badPassword, notOurs],
  [code.noPassword, notOurs],
  [code.locked, notOurs],
  [1054, 'The table has no such column.'],
  [1290, 'A setting of MariaDB forbids it: `read_only`, or `strict_password_validation`.'],
  [1227, "The connector's account lacks a right that this needs."],
])

/**
 * Connections used up; shutting down; host blocked; lock not had in time, deadlock;
 * broken off by somebody or by a time-out.
 */
const passing = new Set([1040, 1053, 1077, 1129, 1205, 1213, 1317, 1836, 1927, 1969])

function memberOf(thrown: unknown, name: string): unknown {
  return typeof thrown === 'object' && thrown !== null
    ? (thrown as Record<string, unknown>)[name]
    : undefined
}
