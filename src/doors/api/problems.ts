/** How each problem goes over a wire: HTTP status, CLI exit code, OAuth code (RFC 6749 §5.2 where one fits), title. */
import type { Problem, ProblemCode } from '../../core/base/problem.ts'
import table from './problems.json' with { type: 'json' }

/** A code without its row does not compile. */
export const problemTable: Readonly<Record<ProblemCode, (typeof table)[ProblemCode]>> = table

/** What every rendering of a problem begins with (RFC 9457 §3.1). */
export function headOf(code: ProblemCode) {
  const { status, title } = problemTable[code]
  return { type: `/problems/${code}`, title, status, code }
}

/** All that may be told of it (RFC 9457 §3). */
export function bodyOf({ code, detail, next, field }: Problem) {
  return { ...headOf(code), detail, next, field }
}

export function statusOf({ code }: Problem): number {
  return problemTable[code].status
}
