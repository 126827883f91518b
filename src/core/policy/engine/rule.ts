/**
 * One policy, compiled: its scope as data, so that an index can be made of it, and its conditions as
 * one function. A policy that can not be compiled exactly is `NotExact`.
 */
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import { type Policy, tokens, type Uid } from './cedar.ts'
import { compileExpression, truth, type Written } from './expression.ts'
import { type Frame, isIn } from './frame.ts'
import { NotExact } from './types.ts'
import type { Ref } from './value.ts'

export interface Rule {
  readonly id: string
  readonly effect: Policy['effect']
  readonly action: Policy['scope']
  readonly principal: Scope
  readonly resource: Scope
  /** Throws `Fault` where the policy can not be evaluated. */
  readonly holds: (frame: Frame) => boolean
}

/** What a policy asks of its principal or resource; nothing named: nothing asked. */
export interface Scope {
  readonly type?: string
  readonly same?: Ref
  readonly within?: Ref
}

export function compileRule(id: string, { text, effect }: Policy): Rule {
  const { marked, written } = markNumbers(text)
  const answer = cedar.policyToJson(marked)
  if (answer.type === 'failure') throw new NotExact('it is no policy')
  const { principal, action, resource, conditions } = answer.json
  const tests = conditions.map(({ kind, body }) => {
    const evaluate = compileExpression(body, written)
    return (frame: Frame) => truth(evaluate(frame)) === (kind === 'when')
  })
  const [only] = tests
  return {
    id,
    effect,
    action,
    principal: scopeOf(principal),
    resource: scopeOf(resource),
    holds: tests.length === 1 && only !== undefined ? only : f => tests.every(test => test(f)),
  }
}

export function isInScope({ type, same, within }: Scope, ref: Ref, frame: Frame): boolean {
  if (type !== undefined && type !== ref.type) return false
  if (same !== undefined) return same.id === ref.id && same.type === ref.type
  return within === undefined || isIn(frame, ref, within)
}

function scopeOf(scope: cedar.PrincipalConstraint): Scope {
  if (scope.op === 'All') return {}
  if (scope.op === 'is') {
    const within = scope.in === undefined ? undefined : namedBy(scope.in)
    return { type: scope.entity_type, ...(within === undefined ? {} : { within }) }
  }
  return scope.op === '==' ? { same: namedBy(scope) } : { within: namedBy(scope) }
}

function namedBy(scope: { entity: cedar.EntityUidJson } | { slot: string }): Ref {
  if ('slot' in scope) throw new NotExact('it is a template')
  return refOf(scope.entity)
}

function refOf(uid: cedar.EntityUidJson): Ref {
  const { type, id } = uid as Uid
  if (!id.isWellFormed()) throw new NotExact('an entity is named by half a character')
  return { kind: 'entity', type, id }
}

const firstMark = 2 ** 52

/**
 * JSON would round whole numbers beyond 2^53, so each gets a mark in its place: a number that JSON can
 * hold and that the policy does not have itself.
 */
function markNumbers(text: string): { marked: string; written: Written } {
  const numbers = [...text.matchAll(tokens)].map(([token]) => token).filter(isNumber)
  const taken = new Set(numbers.map(Number))
  const written = new Map<number, bigint>()
  let mark = firstMark
  const marked = text.replace(tokens, token => {
    if (!isNumber(token) || Number.isSafeInteger(Number(token))) return token
    while (taken.has(mark)) mark++
    taken.add(mark)
    written.set(mark, BigInt(token))
    return String(mark)
  })
  return { marked, written }
}

function isNumber(token: string): boolean {
  return /^\d+$/.test(token)
}
