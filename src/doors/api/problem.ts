/**
 * What goes wrong, on the wire: RFC 9457 for the API. Anything that is not a Problem is 500 with its
 * text stripped; what we need to find it again is logged under the request id.
 */
import { randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import { Problem } from '../../core/base/problem.ts'
import { violatedConstraint } from '../../core/store/fault.ts'
import type { DenialView, ProblemBody } from './contract.ts'
import { bodyOf, headOf, statusOf } from './problems.ts'

/** A denial is a value until a door must answer with it. */
export class DenialAnswer extends Error {
  readonly denial: DenialView

  constructor(denial: DenialView) {
    super(`denied by ${denial.rule}`)
    this.denial = denial
  }
}

export type Log = (line: Readonly<Record<string, unknown>>) => void

export function answerProblem(context: Context, thrown: unknown, log: Log): Response {
  const requestId = randomUUID()
  const body = answerOf(thrown, requestId, context, log)
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(body.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(body.status === 503 || body.status === 429 ? { 'retry-after': '2' } : {}),
    },
  })
}

function answerOf(thrown: unknown, requestId: string, context: Context, log: Log): ProblemBody {
  const note = (line: object) => log({ requestId, path: context.req.path, ...line })
  if (thrown instanceof DenialAnswer) {
    const { denial } = thrown
    const next = denial.instead[0]?.command
    return { ...headOf('denied'), detail: denial.says, next, requestId, denial }
  }
  if (thrown instanceof Problem) {
    const { code } = thrown
    if (statusOf(thrown) >= 500 || thrown.log !== undefined)
      note({ code, note: thrown.log ?? causeText(thrown.cause) })
    return { ...bodyOf(thrown), requestId }
  }
  const constraint = violatedConstraint(thrown)
  if (constraint !== null) {
    note({ constraint })
    return { ...headOf('conflict'), detail: 'That does not fit what is there already.', requestId }
  }
  note({ thrown: causeText(thrown) })
  return {
    ...headOf('internal'),
    detail: 'Something broke here; nothing was changed halfway.',
    next: 'Tell whoever runs this server the request id.',
    requestId,
  }
}

/** For us, and for nobody who asks: where it came from. */
export function causeText(cause: unknown): string | undefined {
  if (cause === undefined) return undefined
  return cause instanceof Error ? (cause.stack ?? cause.message).slice(0, 2_000) : typeof cause
}

/** The same in a few words. */
export function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : typeof thrown
}
