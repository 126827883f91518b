/**
 * The meter of one call or session: takes what is used from the budget before it is let through.
 *
 * Calls are exact. Rows and bytes are taken a little ahead, so that not each message is a statement:
 * never more than agreed goes through, and what is ahead in one session is not there for another
 * until it ends (`ahead`). Spend is known when the answer is there: an estimate is taken before, and
 * what it was afterwards. The most by which spend can go beyond what was agreed is what the calls under
 * way at that moment cost more than their estimates; the next is refused.
 */
import type { IdentityId, TaskId } from '../../core/base/ids.ts'
import type { DataAction, DecisionRecord } from '../../core/base/permit.ts'
import { type Problem, problemOf } from '../../core/base/problem.ts'
import type { Budget } from '../../core/grant/rows.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { type Amounts, amountsOf, boundsOf, none, sayUsed, spanOf, unbounded } from './budget.ts'
import { type Account, debit, giveBack, readUsed } from './rows.ts'

const budgetRefused = entryKind('budget.refuse', 'was refused: what was agreed to is used up')

/** A share of what was agreed, and never more than this. */
const ahead = { share: 64, rows: 500, bytes: 256 * 1024 } as const

export interface Metered {
  readonly grantId: Account['grantId']
  readonly budget: Budget
  readonly taskId: TaskId
  readonly identityId: IdentityId
  /** Of the resource, for people. */
  readonly resource: string
  /** The yes that this stands under. */
  readonly record: DecisionRecord
}

/** A class because it guards what was taken and is not used yet. */
export class Meter {
  readonly #world: LedgerWorld
  readonly #of: Metered
  readonly #account: Account
  #left: Amounts = none
  #turn: Promise<void> = Promise.resolve()

  constructor(world: LedgerWorld, of: Metered) {
    this.#world = world
    this.#of = of
    const span = spanOf(of.budget, of.taskId, world.clock.now())
    this.#account = { grantId: of.grantId, span, most: boundsOf(of.budget) }
  }

  /** One call, and an estimate of what it may cost. */
  async begin(action: DataAction): Promise<void> {
    await this.take({ calls: 1, spend: action === 'spend' ? this.estimate : 0 })
  }

  /**
   * Undefined where it was there: nothing is waited for. Problem `over-budget`, which is recorded, where
   * so much is not left.
   */
  take(wanted: Partial<Amounts>): Promise<void> | undefined {
    const { most } = this.#account
    const all = { ...none, ...wanted }
    // Calls are counted in any case; of the rest, what is bounded.
    const isCounted = (kind: keyof Amounts) => kind === 'calls' || most[kind] !== unbounded
    const need = amountsOf(kind => (isCounted(kind) ? all[kind] : 0))
    if (this.#spend(need)) return undefined
    // One after the other: who comes second may find what the first took ahead.
    const turn = this.#turn.then(() => this.#takeMore(need))
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** It is over: what was taken and not used comes back. */
  async close(): Promise<void> {
    await this.#turn
    const left = this.#left
    this.#left = none
    if (Object.values(left).some(amount => amount !== 0))
      await giveBack(this.#world.store, this.#account, left)
  }

  get boundsSpend(): boolean {
    return this.#of.budget.spendCents !== undefined
  }

  /** Enough for one call of which nobody knows yet what it costs. */
  get estimate(): number {
    const { spendCents } = this.#of.budget
    return spendCents === undefined ? 0 : Math.max(10_000, (spendCents * 10_000) / 20)
  }

  /** What a call cost, in place of its estimate. */
  settle(spend: number): void {
    this.#left = { ...this.#left, spend: this.#left.spend + this.estimate - Math.ceil(spend) }
  }

  #spend(need: Amounts): boolean {
    const left = minus(this.#left, need)
    if (left.calls < 0 || left.rows < 0 || left.bytes < 0 || (need.spend > 0 && left.spend < 0))
      return false
    this.#left = left
    return true
  }

  async #takeMore(need: Amounts): Promise<void> {
    if (this.#spend(need)) return
    const { store } = this.#world
    const { most } = this.#account
    const share = (amount: number, at: number) => Math.min(at, Math.floor(amount / ahead.share))
    const more = {
      ...need,
      rows: need.rows === 0 ? 0 : need.rows + share(most.rows, ahead.rows),
      bytes: need.bytes === 0 ? 0 : need.bytes + share(most.bytes, ahead.bytes),
    }
    for (const each of [more, need]) {
      if (!(await debit(store, this.#account, each))) continue
      this.#left = minus(this.#left, minus(need, each))
      return
    }
    // The last of it may be there in two parts: what is ahead here, and what nobody has taken.
    const held = this.#left
    const rest = amountsOf(kind => Math.max(0, need[kind] - Math.max(0, held[kind])))
    const isThere = await debit(store, this.#account, rest)
    if (isThere) this.#left = minus(this.#left, minus(none, rest))
    if (isThere && this.#spend(need)) return
    throw await this.#refuse()
  }

  async #refuse(): Promise<Problem> {
    const { budget, resource, grantId, taskId, identityId, record } = this.#of
    const used = (await readUsed(this.#world.store, this.#account)) ?? none
    await recorded(this.#world, async scope => {
      scope.decided(record)
      scope.entry({
        kind: budgetRefused,
        by: identityId,
        subjects: [
          { type: 'grant', id: grantId, version: 0 },
          { type: 'task', id: taskId, version: 0 },
        ],
        facts: { span: this.#account.span, used: { ...used } },
      })
    })
    const when = budget.per === 'day' ? 'tomorrow (UTC)' : 'in a new task'
    const { per } = budget
    return problemOf('budget-used-up', { resource, per, sayUsed: sayUsed(budget, used), when })
  }
}

function minus(one: Amounts, other: Amounts): Amounts {
  return amountsOf(kind => one[kind] - other[kind])
}
