/**
 * The record of a decision: everything it was reached from and what came of it, as canonical JSON. It
 * names no person's words: ids, slugs, enums, numbers and instants only, because it is kept for good.
 */
import { sha256Hex } from '../base/hash.ts'
import type { AppId } from '../base/ids.ts'
import { canonicalJson } from '../base/json.ts'
import type { DecisionRecord } from '../base/permit.ts'
import { raiseIn } from '../finding/raise.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import type { Asked, Outcome } from './judge.ts'

const decisionDenied = entryKind('decision.deny', 'was denied')

export interface Recorded extends Asked {
  readonly outcome: Outcome
}

export function writeRecord(asked: Asked, outcome: Outcome, appId: AppId | null): DecisionRecord {
  const body = canonicalJson({ ...asked, outcome } satisfies Recorded)
  return {
    id: asked.id,
    at: asked.at,
    appId,
    taskId: asked.actor.kind === 'identity' ? (asked.actor.taskId ?? null) : null,
    allowed: outcome.allowed,
    body,
    hash: sha256Hex(body),
  }
}

export function readRecord(body: string): Recorded {
  const read = JSON.parse(body) as Recorded
  if (read.v !== 1) throw new Error(`a decision record of form ${String(read.v)}`)
  return read
}

/**
 * Keeps a denial, with one entry. For callers that proved who they are; what comes before is counted,
 * not recorded. A rule that could not be evaluated is a finding as well.
 */
export async function recordDenial(
  world: LedgerWorld,
  record: DecisionRecord,
  facts: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const { actor, action, about, outcome } = readRecord(record.body)
  const [rule = 'default-deny'] = outcome.rules
  await recorded(world, async scope => {
    scope.decided(record)
    if (outcome.errors.length > 0)
      await raiseIn(scope, {
        kind: 'policy-error',
        severity: 'high',
        about: record.id,
        details: { errors: outcome.errors },
        words: 'A rule could not be evaluated, and what it was asked about was denied.',
      })
    scope.entry({
      kind: decisionDenied,
      by: actor.id,
      subjects: subjectsOf(record),
      facts: { ...facts, action, about, rule },
    })
  })
}

function subjectsOf(record: DecisionRecord) {
  const app = record.appId === null ? [] : [{ type: 'app', id: record.appId, version: 0 }]
  const task = record.taskId === null ? [] : [{ type: 'task', id: record.taskId, version: 0 }]
  return [{ type: 'decision', id: record.id, version: 1 }, ...app, ...task]
}
