/** How long one app's things at a target that does not answer may take, and what is said of them. */
import { describe, expect, it } from 'vitest'
import type { AppId, TargetId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { Problem } from '../../core/base/problem.ts'
import { bounds } from './bounds.ts'
import type { ItemKind, PlanItem } from './item.ts'
import { type Look, lookAtSystem } from './look.ts'

const grants = bounds.offboardAtOnce + 1

/** `tookMs` is how long each call takes there, `fails` whether it then has no answer. */
function lookOf(tookMs: number, fails: boolean) {
  let nowMs = 0
  const asked: number[] = []
  const targets = {
    describe: async () => ({ paths: ['its own list'] }),
    async call() {
      asked.push(nowMs)
      await Promise.resolve()
      nowMs = Math.max(nowMs, tookMs)
      if (fails) throw new Problem('target-unavailable', { detail: 'no answer' })
      return { listed: 'absent', residue: [], at: '2026-11-22T14:00:00.000Z' }
    },
  }
  const clock = { now: () => '2026-11-22T14:00:00.000Z', monotonicMs: () => nowMs }
  const look = { world: { targets, clock }, appId: 'ap_1' as AppId, owner: 'lho_1' }
  return { asked, look: look as unknown as Look }
}

const itemOf = (kind: ItemKind, order: number): PlanItem => {
  const where = { system: 'crm', targetId: 'tg_1' as TargetId, name: `lhg_${order}` }
  return { order, kind, id: '1', ...where, state: 'to-do', paths: [], because: null, at: null }
}

const items = [
  itemOf('owner-role', 99),
  ...Array.from({ length: grants }, (_, i) => itemOf('grant', i)),
]

describe('a look at all an app has at one target', () => {
  it('comes to everything there, rights before what they hang on', async () => {
    const { look, asked } = lookOf(limits.targetCallMs, false)
    const seen = await lookAtSystem(look, items)
    expect(asked).toHaveLength(grants + 1)
    expect(seen.map(({ state }) => state)).toEqual(items.map(() => 'verified-gone'))
    expect(seen.at(-1)?.kind).toBe('owner-role')
  })

  it('waits once for a target that does not answer, and calls nothing there gone', async () => {
    const { look, asked } = lookOf(limits.targetCallMs, true)
    const seen = await lookAtSystem(look, items)
    expect(asked).toHaveLength(bounds.offboardAtOnce)
    expect(seen).toHaveLength(items.length)
    expect(new Set(seen.map(({ state }) => state))).toEqual(new Set(['unreachable']))
    expect(seen.at(-1)?.because).toContain('did not answer')
  })

  it('asks on where a call was refused at once: the next may be answered', async () => {
    const { look, asked } = lookOf(5, true)
    await lookAtSystem(look, items)
    expect(asked).toHaveLength(grants + 1)
  })
})
