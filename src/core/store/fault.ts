/**
 * What a database error means to us, in one place. Outages are `store-unavailable`, lost races are
 * `conflict`, and what is left is a `StoreFault`: a broken constraint a chapter may expect, or a bug.
 *
 * Drivers attach the statement's parameters and the row's values to their errors: none of it passes.
 */
import { isProblem, Problem, type ProblemText, problemOf, problemsAlike } from '../base/problem.ts'

/** `sqlstate` is the database's code; `constraint` the name of the rule that refused, or null. */
export class StoreFault extends Error {
  readonly sqlstate: string
  readonly constraint: string | null

  constructor(sqlstate: string, constraint: string | null, says: string) {
    super(`the database refused (${sqlstate}): ${says}`)
    this.name = 'StoreFault'
    this.sqlstate = sqlstate
    this.constraint = constraint
  }
}

/** The constraint a write broke (`app_slug`), or null when it failed for another reason. */
export function violatedConstraint(thrown: unknown): string | null {
  return thrown instanceof StoreFault && thrown.sqlstate.startsWith('23') ? thrown.constraint : null
}

/** For a `catch`: a write that broke this constraint is Problem `already-exists`; anything else is as it was. */
export function onTaken(constraint: string, text: ProblemText) {
  return (thrown: unknown): never => {
    throw violatedConstraint(thrown) === constraint ? new Problem('already-exists', text) : thrown
  }
}

/** Turns what a driver threw into what may leave the store; passes on what is ours already. */
export function translate(thrown: unknown): unknown {
  const isOurs = thrown instanceof Problem || thrown instanceof StoreFault
  if (isOurs || !(thrown instanceof Error)) return thrown
  const said: Error & { readonly code?: string; readonly constraint?: string } = thrown
  const { code = '', message, constraint = null } = said
  if (lostCodes.test(code)) return unavailable(code)
  if (/^[0-9A-Z]{5}$/.test(code)) return fromSqlState(code, message, constraint)
  return lostTexts.test(message) ? unavailable(code || message) : thrown
}

export const unavailable = problemsAlike('store-unavailable', {
  detail: 'The database does not answer.',
  next: 'Try again; what was under way may or may not have been kept, and repeating it is safe.',
})

const diskFull = '53100'

/** Issuing stops here; ending goes on with the room kept for it (reserve.ts). */
export const noRoom = problemOf('database-is-full', { log: diskFull })

export function isNoRoom(thrown: unknown): boolean {
  return isProblem(thrown, 'store-unavailable') && thrown.log === diskFull
}

function fromSqlState(code: string, message: string, constraint: string | null): Error {
  if (code === diskFull) return noRoom
  if (code === '40001' || code === '40P01') return problemOf('changed-meanwhile', { log: code })
  if (/^(28|3D)/.test(code))
    return problemOf('database-refuses-us', { field: 'DATABASE_URL', log: code })
  // A statement prepared before a migration: its connection is given up and the next one is good.
  if (outage.test(code) || message.startsWith('cached plan must not change'))
    return unavailable(code)
  // Texts of class 22 (data exceptions) quote the value that was sent.
  return new StoreFault(code, constraint, code.startsWith('22') ? 'a value of this form' : message)
}

// Lost connection, out of resources, shutting down or failed over, a disk error, a time-out.
const outage = /^(08|53|57P|58)|^(57014|55P03|25P02|25P03|25P04|25006)$/
const lostCodes =
  /^E(CONN(REFUSED|RESET|ABORTED)|PIPE|TIMEDOUT|HOSTUNREACH|NET(UNREACH|DOWN)|NOTFOUND|AI_AGAIN|NOENT|NOSPC|IO)$/
/** What `pg` and PGlite say in words alone: a dead socket, a full pool, a stopped engine. */
const lostTexts =
  /^(Connection terminated|timeout exceeded|timeout expired|Query read timeout|Client (has encountered|was closed)|Cannot use a pool after|PGlite is closed|Aborted\(|memory access out of bounds|unreachable)/
