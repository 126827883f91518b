/** What a request does, as one of the classes of data use. Pure; unknown is the strongest. */
import type { DataAction } from '../../src/core/base/permit.ts'

export const strongest: DataAction = 'change-privilege'

/** `ask` is a method and a path, `*` any text: `POST /v1/messages`, `GET /v1/*`. */
export type Rule = readonly [ask: string, action: DataAction]

/** Of `POST /v1/messages`: the first rule that fits, and where none does its method. */
export function classOfRequest(rules: readonly Rule[], asked: string): DataAction {
  const fitting = rules.find(([ask]) => fits(ask, asked))
  if (fitting !== undefined) return fitting[1]
  const [method = ''] = asked.split(' ')
  if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return 'read'
  return method === 'DELETE' ? 'destroy' : strongest
}

function fits(pattern: string, asked: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return asked === first
  if (!asked.startsWith(first) || !asked.endsWith(last)) return false
  // What lies between is taken from the left: linear, whatever is asked.
  let at = first.length
  for (const part of rest) {
    const found = asked.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= asked.length - last.length
}
