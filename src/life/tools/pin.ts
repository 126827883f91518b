/**
 * Tools are held to what a person agreed to: name, description, schema, hints. The first look at a
 * target is the agreement of who connected it; what looks otherwise later, or is new, may not be
 * called until somebody agrees to exactly that.
 *
 * ATTACKER: a tool server that changes what a tool says of itself once it is trusted.
 */
import { sha256Hex } from '../../core/base/hash.ts'
import { systemId, type TargetId } from '../../core/base/ids.ts'
import { canonicalJson, type Json } from '../../core/base/json.ts'
import { type Problem, problemOf } from '../../core/base/problem.ts'
import { raiseIn, resolveIn } from '../../core/finding/raise.ts'
import { targetTable } from '../../core/grant/rows.ts'
import { lockRow } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../../core/ledger/record.ts'
import type { Replica } from '../../core/ledger/replica.ts'
import { verb } from '../../core/ledger/verb.ts'
import { type ToolHashes, type ToolPinsRow, toolPinsTable } from './rows.ts'

const toolsPinned = entryKind('tools.pin', 'held tools to what was agreed')
const toolsChanged = entryKind('tools.change', 'saw tools that are not what was agreed')
const kind = 'tool-changed'

export interface Tool {
  readonly name: string
  readonly [said: string]: Json | undefined
}

export function hashTools(tools: readonly Tool[]): ToolHashes {
  return Object.fromEntries(tools.map(tool => [tool.name, sha256Hex(canonicalJson(tool as Json))]))
}

/** Whether it says of itself now what a person agreed to. */
export function isAgreed(replica: Replica, targetId: TargetId, tool: Tool): boolean {
  return replica.get(toolPinsTable, targetId)?.agreed[tool.name] === hashTools([tool])[tool.name]
}

/** What a whole look at the target showed. Nothing is written where it shows nothing new. */
export async function seeTools(world: LedgerWorld, targetId: TargetId, seen: ToolHashes) {
  const known = world.replica.get(toolPinsTable, targetId)
  const isSeen = known && canonicalJson(known.changed) === canonicalJson(differing(known, seen))
  if (isSeen === true) return known
  return recorded(world, async scope => {
    const before = await lockRow(scope.tx, toolPinsTable, targetId)
    if (before === undefined) {
      scope.entry({ kind: toolsPinned, by: bySweep, facts: { count: Object.keys(seen).length } })
      const pins = { id: targetId, agreed: seen, changed: {}, madeAt: scope.at }
      return scope.insert(toolPinsTable, pins)
    }
    scope.entry({ kind: toolsChanged, by: bySweep })
    return change(scope, world, before, { ...before, changed: differing(before, seen) })
  })
}

/** Agrees to tools as they look now. Problem `hash-mismatch` when they look otherwise meanwhile. */
export const agreeToTools = verb(
  'target.connect',
  'targetId',
  async (scope, { targetId, tools }: { targetId: TargetId; tools: ToolHashes }, by, world) => {
    const before = await lockRow(scope.tx, toolPinsTable, targetId)
    for (const [name, hash] of Object.entries(tools))
      if (before?.changed[name] !== hash) throw notThat(name)
    if (before === undefined) throw notThat('')
    const left = Object.entries(before.changed).filter(([name]) => !Object.hasOwn(tools, name))
    const agreed = { ...before.agreed, ...tools }
    scope.entry({ kind: toolsPinned, by, facts: { count: Object.keys(tools).length } })
    return change(scope, world, before, { ...before, agreed, changed: Object.fromEntries(left) })
  },
)

const bySweep = systemId('lease-sweep')

async function change(scope: Scope, world: LedgerWorld, before: ToolPinsRow, after: ToolPinsRow) {
  const names = Object.keys(after.changed).sort()
  if (names.length === 0) await resolveIn(scope, kind, after.id)
  else {
    const target = world.replica.get(targetTable, after.id)
    await raiseIn(scope, {
      kind,
      severity: 'high',
      about: after.id,
      ownerId: target?.ownerId ?? null,
      details: { targetId: after.id, tools: names.slice(0, 50) },
      words: `Tools at ${target?.slug} are not what was agreed to, and can not be called: ${names.join(', ')}. Read what they say now, then agree or disconnect.`,
    })
  }
  return scope.save(toolPinsTable, before, after)
}

function differing({ agreed }: ToolPinsRow, seen: ToolHashes): ToolHashes {
  return Object.fromEntries(Object.entries(seen).filter(([name, hash]) => agreed[name] !== hash))
}

function notThat(name: string): Problem {
  return problemOf('tool-looks-otherwise', { name: name.slice(0, 128), field: '/tools' })
}
