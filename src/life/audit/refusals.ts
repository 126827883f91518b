/**
 * Callers who were refused before we knew who they are. Each is counted; one entry per issuer and
 * minute seals the counts, so that a flood can be seen and can not fill the log.
 *
 * Counts lie in memory until `sealRefusals`; a killed process loses that much and no more.
 */

import { systemId } from '../../core/base/ids.ts'
import type { Instant } from '../../core/base/time.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { bounds } from './bounds.ts'
import { addRefusals, dueRefusals, type RefusalCount, takeRefusals } from './rows.ts'

export const refusalsSealed = entryKind('refusal.seal', 'refused callers it does not know')

/** The counts of this process. A class because it guards them: they are handed over once. */
export class RefusalTally {
  #counts = new Map<string, RefusalCount>()

  /**
   * `issuer` is one we have a trust rule for, or null. ATTACKER: what a refused token says of itself
   * is never a key here; `reason` is a word of ours.
   */
  count(issuer: string | null, reason: string, at: Instant): void {
    this.add({ issuer: issuer ?? 'unknown', minute: minuteOf(at), reason, count: 1 })
  }

  add(counted: RefusalCount): void {
    const key = `${counted.minute} ${counted.reason} ${counted.issuer}`
    const known = this.#counts.get(key)?.count
    if (known === undefined && this.#counts.size >= bounds.refusalKinds) return
    this.#counts.set(key, { ...counted, count: counted.count + (known ?? 0) })
  }

  /** What was counted since the last time, which is then forgotten here. */
  take(): RefusalCount[] {
    const taken = [...this.#counts.values()]
    this.#counts.clear()
    return taken
  }
}

/** Hands over what was counted, and seals the minutes that are past. Answers how many entries. */
export async function sealRefusals(world: LedgerWorld, tally: RefusalTally): Promise<number> {
  const counted = tally.take()
  try {
    if (counted.length > 0) await addRefusals(world.store, counted)
  } catch (thrown) {
    for (const each of counted) tally.add(each)
    throw thrown
  }
  const due = await dueRefusals(world.store, minuteOf(world.clock.now()))
  for (const { issuer, minute } of due) await sealOne(world, issuer, minute)
  return due.length
}

/** Another process may have sealed it meanwhile: then there is nothing to say. */
async function sealOne(world: LedgerWorld, issuer: string, minute: Instant): Promise<void> {
  await recorded(world, async scope => {
    const taken = await takeRefusals(scope.tx, issuer, minute)
    if (taken.length === 0) return
    const counts = Object.fromEntries(taken.map(({ reason, count }) => [reason, count]))
    scope.entry({
      kind: refusalsSealed,
      by: systemId('schedule'),
      facts: { issuer, minute, counts },
    })
  })
}

function minuteOf(at: Instant): Instant {
  return `${at.slice(0, 'YYYY-MM-DDTHH:MM'.length)}:00.000Z` as Instant
}
