/** One account as a target, with all that the SDK brings. Read only where an account was connected. */
import type { Target } from '../../src/core/target/target.ts'
import { type Opening, openAccount } from './account.ts'
import { openEnds } from './ends.ts'
import { ensureHolder, removeHolder, verifyHolderGone } from './holder.ts'
import { inventory } from './inventory.ts'
import { preflight } from './preflight.ts'
import { end, issue, renew } from './session.ts'
import { openProbes, verifyGone } from './verify.ts'

export type Opened = Omit<Target, 'describe' | 'hold' | 'release'>

export function openTarget(opening: Opening): Opened {
  const account = openAccount(opening)
  const looking = { account, ends: openEnds(account), probes: openProbes(account) }
  return {
    preflight: signal => preflight(looking, signal),
    ensureHolder: (order, signal) => ensureHolder(account, order, signal),
    issue: (order, signal) => issue(account, order, signal),
    renew: (order, signal) => renew(account, order, signal),
    end: (order, signal) => end(looking, order, signal),
    verifyGone: (order, signal) => verifyGone(looking, order, signal),
    removeHolder: (holder, signal) => removeHolder(account, holder, signal),
    verifyHolderGone: (holder, signal) => verifyHolderGone(account, holder, signal),
    inventory: (cursor, signal) => inventory(account, cursor, signal),
    close: () => account.close(),
  }
}
