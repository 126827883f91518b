/** One call of an open session: decided now, and written down before it goes anywhere. */
import { useAgreed } from '../../../core/approval/use.ts'
import type { RequestId } from '../../../core/base/ids.ts'
import type { DataAction, DecisionRecord, Permit } from '../../../core/base/permit.ts'
import { isProblem, type Problem, problemOf } from '../../../core/base/problem.ts'
import { heldBy } from '../../../core/hold/hold.ts'
import type { LeaseRow } from '../../../core/lease/rows.ts'
import { differencesOf } from '../../../core/policy/engine/shadow.ts'
import { judge } from '../../../core/policy/judge.ts'
import { readRecord, recordDenial } from '../../../core/policy/record.ts'
import { tellDifference } from '../../../life/app-rules/shadow.ts'
import { Meter } from '../../../life/budget/meter.ts'
import { shortId } from '../../../life/lists/short-id.ts'
import { askForCall, bodyOf, hashOf, isAllThatIsMissing } from '../../../life/step-up/call.ts'
import { bounds } from '../bounds.ts'
import { type Call, decideSession, type Standing } from '../standing.ts'
import type { GatewayWorld } from '../tunnel.ts'

export type Refused = Extract<Standing, { allowed: false }>

export interface Judged {
  readonly refused?: Refused
  /** Where what is used is bounded: for what the answer brings, and to be closed. */
  readonly meter?: Meter
}

export type Judge = ReturnType<typeof judgeOf>

/** `turn` bounds how fast refusals are written down: each is an entry in the log. */
export function judgeOf(world: GatewayWorld, lease: LeaseRow, turn: () => Promise<void>) {
  return {
    /** Where it may be its record is kept, and it is counted. Throws where that can not be had. */
    async ask(call: Call): Promise<Judged> {
      const { standing, request } = await decideCall(world, lease, call)
      if (standing.record && Math.random() * bounds.shadowEvery < 1) shadow(world, standing.record)
      if (standing.allowed) {
        const { record } = standing
        const { rules } = readRecord(record.body).outcome
        const isDurable = rules.some(id => world.policies().rules.get(id)?.isDurable === true)
        await world.spool.keep({ ...record, kind: 'own' }, isDurable)
        // Once: who comes second with the same finds it used.
        if (request !== undefined && !(await isFirst(world, standing.permit, request)))
          return { refused: { allowed: false, problem: used } }
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
    /** There is an order to stop this tool of the target. */
    isHeld: (tool: string) => heldBy(world.replica, [`${lease.targetId}/${tool}`]).length > 0,
    /** Whether it would be allowed now. Nothing is recorded. */
    may(action: DataAction) {
      const standing = decideSession(world, lease, { action, asked: '' })
      return standing.allowed || mayWith(world, standing)
    },
  }
}

interface Decided {
  readonly standing: Standing
  /** The yes this stands on, to be used up. */
  readonly request?: RequestId
}

/** A no that a yes of a person would turn is asked for, and is a no until then. */
async function decideCall(world: GatewayWorld, lease: LeaseRow, call: Call): Promise<Decided> {
  const standing = decideSession(world, lease, call)
  if (standing.allowed || call.said === undefined || !mayWith(world, standing)) return { standing }
  const { denial: _, ...refused } = standing
  try {
    const whole = { lease, action: call.action, asked: call.asked, said: await call.said() }
    const again = decideSession(world, lease, { ...call, hash: hashOf(bodyOf(whole)) })
    const request = await askForCall(world, whole)
    if (again.allowed) return { standing: again, request: request.id }
    return { standing: { ...refused, problem: waiting(request) } }
  } catch (thrown) {
    // Nobody can be asked: too much to read, or too many wait.
    if (!isProblem(thrown)) throw thrown
    return { standing: { ...refused, problem: thrown } }
  }
}

function mayWith({ policies }: GatewayWorld, { record }: Refused): boolean {
  return record !== undefined && isAllThatIsMissing(policies(), readRecord(record.body))
}

/** False where another call was faster. */
function isFirst(world: GatewayWorld, permit: Permit<'lease.use'>, request: RequestId) {
  return useAgreed(world, permit, request).then(
    () => true,
    (thrown: unknown) => {
      if (isProblem(thrown, 'approval-needed')) return false
      throw thrown
    },
  )
}

const used = problemOf('agreed-once-only')

function waiting(request: Waiting): Problem {
  const name = shortId('request', request.id)
  return problemOf('waits-for-person', { name, expiresAt: request.expiresAt })
}
type Waiting = Awaited<ReturnType<typeof askForCall>>

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
