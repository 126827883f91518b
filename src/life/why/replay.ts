/**
 * Plays recorded decisions again: under the rules of that moment each must come out byte for byte; under
 * changed rules it shows exactly which would come out otherwise, and by which line.
 *
 * Changed rules are those in force with one file more (`withFile`): what is tried is what would be in
 * force if it were agreed. Nothing is written.
 */

import type { DecisionId } from '../../core/base/ids.ts'
import { canonicalJson } from '../../core/base/json.ts'
import type { DecisionRecord } from '../../core/base/permit.ts'
import { assert } from '../../core/base/problem.ts'
import { type Bundle, openBundle, withFile } from '../../core/policy/bundle.ts'
import type { PolicyWorld } from '../../core/policy/decide.ts'
import { textOf } from '../../core/policy/in-force.ts'
import { judge, type Outcome } from '../../core/policy/judge.ts'
import { type Recorded, readRecord } from '../../core/policy/record.ts'
import type { Sql } from '../../core/store/store.ts'
import { bounds } from './bounds.ts'
import { findBundleByHash, findDecision, listDecisions } from './rows.ts'
import { explain } from './why.ts'
import { summarize } from './words.ts'

/**
 * Plays what was recorded, the oldest first, up to a bound. `policy try` gives the text of a file; without
 * one nothing changes. `isAll`: nothing was left.
 */
export async function replayLog(
  world: { readonly store: Sql; readonly policies: () => Bundle },
  file: string | null,
) {
  const changed = file === null ? null : openBundle(withFile(world.policies().text, file))
  const held = known(world)
  const parts: ReturnType<typeof replayDecisions>[] = []
  let last: DecisionRecord | undefined
  let isAll = false
  for (let seen = 0; ; ) {
    const records = await listDecisions(world.store, last ?? null)
    isAll = records.length === 0
    if (isAll || seen >= bounds.replayDecisions) break
    for (const record of records) await holdBundle(world, held, record)
    parts.push(replayDecisions(records, hash => held.get(hash), changed))
    seen += records.length
    last = records.at(-1)
  }
  return {
    isAll,
    decisions: parts.reduce((sum, part) => sum + part.decisions, 0),
    identical: parts.reduce((sum, part) => sum + part.identical, 0),
    differing: parts.flatMap(part => part.differing),
    changed: parts.flatMap(part => part.changed),
  }
}

/**
 * `identical`: how many came out byte for byte under the rules of their moment; of `differing`, which did
 * not, something was tampered with, or we are wrong. `changed`: what would come out otherwise under the
 * changed rules, by which of them, and the line where it stands.
 */
export function replayDecisions(
  records: readonly DecisionRecord[],
  bundleOf: (hash: string) => Bundle | undefined,
  changed: Bundle | null,
) {
  const differing: DecisionId[] = []
  const flips = []
  for (const record of records) {
    const read = readable(record)
    if (read === undefined) {
      differing.push(record.id)
      continue
    }
    const { outcome, ...asked } = read
    const bundle = bundleOf(asked.bundle)
    const again = bundle && canonicalJson({ ...asked, outcome: judge(bundle, asked) })
    if (again !== record.body) differing.push(record.id)
    if (changed === null) continue
    const other = judge(changed, asked)
    const [from, to] = [wordOf(outcome), wordOf(other)]
    if (from === to) continue
    const [rule = 'default-deny'] = other.rules
    const { line = null } = changed.rules.get(rule) ?? {}
    const { id: decisionId, at } = record
    flips.push({ decisionId, at, what: summarize(asked), from, to, rule, line })
  }
  const decisions = records.length
  return { decisions, identical: decisions - differing.length, differing, changed: flips }
}

function wordOf({ allowed, effect }: Outcome): 'yes' | 'no' | 'watched' {
  return effect ?? (allowed ? 'yes' : 'no')
}

/**
 * `why D-…`: the denial in words, from its record; of what was watched, what would have been said. Undefined
 * where there is none, or policy said yes.
 */
export async function whyDenied(world: PolicyWorld & { readonly store: Sql }, id: DecisionId) {
  const record = await findDecision(world.store, id)
  if (record === undefined) return undefined
  const denied = readRecord(record.body)
  if (wordOf(denied.outcome) === 'yes') return undefined
  const held = known(world)
  await holdBundle(world, held, record)
  const bundle = held.get(denied.bundle)
  assert(bundle, 'a decision names a bundle that is kept')
  const view = { replica: world.replica, now: world.clock.now(), ageMs: world.freshness().ageMs }
  return explain(bundle, denied, view)
}

/** The bundle in force is open already; opening one costs more than a hundred decisions. */
function known(world: Pick<PolicyWorld, 'policies'>): Map<string, Bundle> {
  const bundle = world.policies()
  return new Map([[bundle.hash, bundle]])
}

function readable(record: DecisionRecord): Recorded | undefined {
  try {
    return readRecord(record.body)
  } catch {
    return undefined
  }
}

async function holdBundle(
  world: { readonly store: Sql },
  held: Map<string, Bundle>,
  record: DecisionRecord,
): Promise<void> {
  // The first of that name is its own: what stands before it are texts, whose quotes are escaped.
  const [, hash] = /"bundle":"([0-9a-f]{64})"/.exec(record.body) ?? []
  if (hash === undefined || held.has(hash)) return
  const row = await findBundleByHash(world.store, hash)
  if (row !== undefined) held.set(hash, openBundle(textOf(row)))
}
