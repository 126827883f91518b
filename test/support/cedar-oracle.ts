/**
 * cedar-wasm asked plainly, all policies at once: what another engine is compared with. Numbers beyond
 * 2^53 come as bigint and reach it as they are.
 */
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import type { EngineAnswer, EngineCall } from '../../src/core/policy/engine/cedar.ts'

/** What cedar-wasm holds parsed under our names: one schema, one set of policies. */
let heldSchema = ''

/** Node has it, the types do not yet. */
const writer = JSON as JSON & { rawJSON(text: string): unknown }

/** Good until the next is made. */
export function oracleOf(schema: string, texts: Record<string, string>) {
  if (heldSchema !== schema) check(cedar.preparseSchema('oracle', schema))
  heldSchema = schema
  check(cedar.preparsePolicySet('oracle', { staticPolicies: texts }))
  return { ask }
}

function ask(call: EngineCall): EngineAnswer {
  const answer = cedar.statefulIsAuthorized({
    ...(exactly(call) as cedar.StatefulAuthorizationCall),
    preparsedSchemaName: 'oracle',
    preparsedPolicySetId: 'oracle',
    validateRequest: true,
  })
  if (answer.type === 'failure')
    return { allowed: false, rules: [], errors: answer.errors.map(error => error.message) }
  const { decision, diagnostics } = answer.response
  return {
    allowed: decision === 'allow',
    rules: diagnostics.reason,
    errors: diagnostics.errors.map(each => `${each.policyId}: ${each.error.message}`),
  }
}

/** cedar-wasm writes what it is given as JSON: so a bigint is given as the text of a number. */
function exactly(value: unknown): unknown {
  if (typeof value === 'bigint') return writer.rawJSON(String(value))
  if (Array.isArray(value)) return value.map(exactly)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, exactly(each)]))
}

function check(answer: cedar.CheckParseAnswer): void {
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message ?? 'not parsed')
}
