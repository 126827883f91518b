/** Whose turn it is when many apps end at once, and some of them hang. */
import { describe, expect, it, vi } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import type { AppId } from '../../core/base/ids.ts'
import { Problem } from '../../core/base/problem.ts'
import { bounds } from './bounds.ts'
import type { OffboardWorld } from './run.ts'
import { sweepOffboardings } from './sweep.ts'

const log = (): void => {}
const ids = (count: number) => Array.from({ length: count }, (_, i) => `ap_${i}` as AppId)

/** Where every app in `hanging` never gets further than its claim; the others are somebody else's. */
function worldOf(due: AppId[], hanging: ReadonlySet<AppId>) {
  const claimed: AppId[] = []
  const query = async (text: string, [appId]: [AppId]) => {
    if (text.includes('from app left join')) return due.map(id => ({ id }))
    if (!text.includes('into offboarding_claim')) return []
    claimed.push(appId)
    return hanging.has(appId) ? new Promise(() => {}) : []
  }
  const permitFor = (actor: never, action: never, about: { id: AppId }) => {
    if (about.id === 'ap_denied') throw new Problem('denied', { detail: 'no' })
    return testPermit(action, actor, about.id)
  }
  const clock = { now: () => '2026-11-22T14:00:00.000Z' }
  return { claimed, world: { store: { query }, permitFor, clock } as unknown as OffboardWorld }
}

describe('a sweep of ends', () => {
  it('comes to every app though as many hang as have their turn at once', async () => {
    const due = ids(bounds.appsAtOnce + 3)
    const hanging = new Set(due.slice(0, bounds.appsAtOnce))
    const { claimed, world } = worldOf(due, hanging)
    const underWay = new Map<AppId, Promise<void>>()
    await sweepOffboardings(world, { underWay, log, turnMs: 5 })
    expect(claimed).toEqual(due)
    expect([...underWay.keys()]).toEqual([...hanging])
  })

  it('does not begin again what is under way, and never more than its bound', async () => {
    const due = ids(bounds.appsUnderWay + 5)
    const { claimed, world } = worldOf(due, new Set(due))
    const underWay = new Map(due.slice(1, bounds.appsUnderWay).map(id => [id, Promise.resolve()]))
    await sweepOffboardings(world, { underWay, log, turnMs: 1 })
    expect(claimed).toEqual(['ap_0'])
  })

  it('tells what one run throws, and goes on', async () => {
    const { claimed, world } = worldOf(['ap_denied' as AppId, ...ids(2)], new Set())
    const log = vi.fn<(thrown: unknown) => void>()
    await sweepOffboardings(world, { underWay: new Map(), log, turnMs: 5 })
    expect(claimed).toEqual(['ap_0', 'ap_1'])
    expect(log.mock.calls).toEqual([[expect.objectContaining({ code: 'denied' })]])
  })
})
