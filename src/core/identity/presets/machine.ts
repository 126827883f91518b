/**
 * Trust in a machine, as each kind of issuer says it: which claims of its OpenID Connect token a rule may
 * bind, which it must, and which tell where the work came from. Pure; a preset is data.
 *
 * INVARIANT: a rule binds each claim to exact values, without patterns, so there is nothing to get wrong;
 * immutable ids above all, because names are given away again.
 */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import { type Problem, problemOf } from '../../base/problem.ts'
import { type AttestRefusal, type Miss, refuse } from '../refusal.ts'

export interface MachinePreset {
  readonly name: string
  /** How often one token is good: once, or for the holder of the key it was first used with. */
  readonly replay: 'once' | 'bound'
  /** What a rule may bind, in the order in which it is looked at. */
  readonly members: Readonly<Record<string, Member>>
  /** What every rule binds; of a list, one. */
  readonly needs: readonly (string | readonly [string, string])[]
  /** Bound without being named, wherever the first is: the token itself must say so. */
  readonly implied: Readonly<Record<string, readonly [claim: string, is: string]>>
  /** The immutable id a rule turns on: what a token finds its rules by. */
  readonly anchor: string
  /** Claims that are kept, by the names they are kept under: ids and numbers, and words of people. */
  readonly facts: Readonly<Record<string, string>>
  readonly words: Readonly<Record<string, string>>
  /** Facts that together name one run; a token that names no `run` is a run of its own. */
  readonly run: readonly string[]
  /** How a person finds the ids. */
  readonly next: string
}

interface Member {
  readonly form: RegExp
  readonly says: string
  /** Any of these, where a rule does not say which; only such a member may be a list. */
  readonly byDefault?: readonly string[]
}

/** Reads the claims of a rule: one value each, or a list of several. Problem `invalid-field` says what a safe rule lacks. */
export function parseBinding(preset: MachinePreset, claims: JsonObject): JsonObject {
  const { members, needs } = preset
  const defaults = Object.entries(members).flatMap(([name, { byDefault }]) =>
    byDefault === undefined ? [] : [[name, byDefault]],
  )
  const given = { ...Object.fromEntries(defaults), ...claims } as JsonObject
  for (const [name, value] of Object.entries(given)) {
    const member = Object.hasOwn(members, name) ? members[name] : undefined
    if (member === undefined)
      throw invalid(preset, name.slice(0, 60), 'is not a claim that a rule can bind')
    const values = Array.isArray(value) && member.byDefault !== undefined ? value : [value]
    const fits = (each: unknown) =>
      typeof each === 'string' && each.length <= limits.claimChars && member.form.test(each)
    if (values.length === 0 || !values.every(fits)) throw invalid(preset, name, member.says)
  }
  for (const need of needs) {
    const [first, other] = [need].flat()
    if (first === undefined || given[first] !== undefined) continue
    if (other === undefined) throw invalid(preset, first, members[first]?.says ?? 'must be named')
    if (given[other] === undefined)
      throw invalid(preset, first, `or a protected \`${other}\` must be named`)
  }
  return given
}

/** As `parseBinding` lets a rule bind a claim. */
type Bound = string | readonly string[]

/** Null when the token fits. Where it does not: the first claim that fails. */
export function matchBinding(
  preset: MachinePreset,
  binding: JsonObject,
  claims: JsonObject,
): Miss | null {
  let refusal: AttestRefusal | undefined
  let fitted = 0
  const look = (name: string, needs: Bound | undefined) => {
    const said = claimOf(claims, name)
    const isOne = typeof needs === 'object' && needs.some(each => each === said)
    if (needs === undefined || needs === said || isOne) fitted++
    else refusal ??= refuseRule(name, said, needs)
  }
  for (const name in preset.members) look(name, binding[name] as Bound | undefined)
  for (const name in preset.implied) {
    const [claim = '', is] = preset.implied[name] ?? []
    if (binding[name] !== undefined) look(claim, is)
  }
  return refusal === undefined ? null : { refusal, fitted }
}

function refuseRule(claim: string, said: Json | undefined, needs: Bound): AttestRefusal {
  const refusal = refuse('claims', claim, said, [needs].flat().join(' or '))
  const says = `its token says ${claim} ${refusal.is}, the trust rule says ${refusal.needs}`
  return { ...refusal, says }
}

/**
 * Where a task came from: `facts` are ids only and go into the log, `words` are names and erasable. Two
 * calls of one run have the same `key`, so that they join one task.
 */
export function provenanceOf(preset: MachinePreset, issuer: string, claims: JsonObject) {
  const facts: Record<string, string> = { issuer, ...keep(preset.facts, claims) }
  const run = preset.run.map(name => facts[name]).join(' ')
  const key = facts['run'] === undefined ? (claims['jti'] as string) : run
  return { facts, words: keep(preset.words, claims), key: `${preset.name} ${key}` }
}

function keep(names: Readonly<Record<string, string>>, claims: JsonObject): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name in names) {
    const said = claimOf(claims, names[name] ?? '')
    if (typeof said === 'string' && said.length <= limits.claimChars) kept[name] = said
  }
  return kept
}

/** A claim, or one within another: `kubernetes.io/pod/uid`. */
export function claimOf(claims: JsonObject, name: string): Json | undefined {
  if (!name.includes('/')) return Object.hasOwn(claims, name) ? claims[name] : undefined
  let value: Json | undefined = claims
  for (const part of name.split('/'))
    value = isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined
  return value
}

function invalid({ next: step }: MachinePreset, claim: string, says: string): Problem {
  return problemOf('claim-not-bound', { claim, says, step, field: `claims.${claim}` })
}
