/** One call of an open session: decided now, and written down before it goes anywhere. */
import type { DataAction, DecisionRecord } from '../../../core/base/permit.ts'
import type { LeaseRow } from '../../../core/lease/rows.ts'
import { differencesOf } from '../../../core/policy/engine/shadow.ts'
import { judge } from '../../../core/policy/judge.ts'
import { readRecord, recordDenial } from '../../../core/policy/record.ts'
import { tellDifference } from '../../../life/app-rules/shadow.ts'
import { bounds } from '../bounds.ts'
import { type Call, decideSession, type Standing } from '../standing.ts'
import type { GatewayWorld } from '../tunnel.ts'

export type Refused = Extract<Standing, { allowed: false }>

export interface Judge {
  /** Undefined: it may be, and its record is kept. Throws where that can not be had. */
  ask(call: Call): Promise<Refused | undefined>
  /** Whether it would be allowed now. Nothing is recorded. */
  may(action: DataAction): boolean
}

/** `turn` bounds how fast refusals are written down: each is an entry in the log. */
export function judgeOf(world: GatewayWorld, lease: LeaseRow, turn: () => Promise<void>): Judge {
  return {
    async ask(call) {
      const standing = decideSession(world, lease, call)
      if (standing.record && Math.random() * bounds.shadowEvery < 1) shadow(world, standing.record)
      if (standing.allowed) {
        const { record } = standing
        const { rules } = readRecord(record.body).outcome
        const isDurable = rules.some(id => world.policies().rules.get(id)?.isDurable === true)
        await world.spool.keep({ ...record, kind: 'own' }, isDurable)
        return undefined
      }
      await turn()
      if (standing.record !== undefined) await recordDenial(world, standing.record)
      return standing
    },
    may: action => decideSession(world, lease, { action, asked: '' }).allowed,
  }
}

/** The compiled engine has answered; now cedar-wasm is asked too. Where they differ it is a finding. */
export function shadow(world: GatewayWorld, record: DecisionRecord): void {
  const bundle = world.policies()
  const { outcome, ...asked } = readRecord(record.body)
  if (asked.bundle !== bundle.hash) return
  const differs = differencesOf(outcome, judge(bundle, asked, bundle.engine))
  if (differs.length === 0) return
  void tellDifference(world, bundle.hash, { decisionId: record.id, differs }).catch(() =>
    world.log({ gateway: 'a difference of engines was not written', differs: differs.join(' ') }),
  )
}
