/** One call of an open session: decided now, and written down before it goes anywhere. */
import type { DataAction, DecisionRecord } from '../../../core/base/permit.ts'
import { isProblem } from '../../../core/base/problem.ts'
import type { LeaseRow } from '../../../core/lease/rows.ts'
import { differencesOf } from '../../../core/policy/engine/shadow.ts'
import { judge } from '../../../core/policy/judge.ts'
import { readRecord, recordDenial } from '../../../core/policy/record.ts'
import { tellDifference } from '../../../life/app-rules/shadow.ts'
import { Meter } from '../../../life/budget/meter.ts'
import { bounds } from '../bounds.ts'
import { type Call, decideSession, type Standing } from '../standing.ts'
import type { GatewayWorld } from '../tunnel.ts'

export type Refused = Extract<Standing, { allowed: false }>

export interface Judged {
  readonly refused?: Refused
  /** Where what is used is bounded: for what the answer brings, and to be closed. */
  readonly meter?: Meter
}

export interface Judge {
  /** Where it may be its record is kept, and it is counted. Throws where that can not be had. */
  ask(call: Call): Promise<Judged>
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
        if (standing.metered === undefined) return {}
        const meter = new Meter(world, standing.metered)
        return meter.begin(call.action).then(
          () => ({ meter }),
          async (problem: unknown) => {
            if (!isProblem(problem, 'over-budget')) throw problem
            await turn()
            return { refused: { allowed: false, problem } }
          },
        )
      }
      await turn()
      if (standing.record !== undefined) await recordDenial(world, standing.record)
      return { refused: standing }
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
