/** What must hold wherever a connector makes our own credential anew, at a real system. */
import { expect } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { systemClock } from '../../src/core/base/time.ts'
import type { Connector, Target } from '../../src/core/target/target.ts'

const soon = () => AbortSignal.timeout(10_000)

/** Returns what is let in from then on. */
export async function expectRotates(connector: Connector, config: Json): Promise<Json> {
  const before = connector.parseConfig(config)
  const tried = (target: Target, of: Json) => target.tryAdmin?.(of, soon())
  const target = connector.open(before, systemClock)
  try {
    const next = target.draftAdmin?.()
    if (next === undefined) throw new Error('it makes one anew')
    expect(next).not.toEqual(before)
    expect(connector.addressOf(next)).toBe(connector.addressOf(before))
    // Nothing is there before it is set.
    expect([await tried(target, before), await tried(target, next)]).toEqual([
      'accepted',
      'refused',
    ])
    await target.rotateAdmin?.(next, soon())
    expect([await tried(target, before), await tried(target, next)]).toEqual([
      'refused',
      'accepted',
    ])
    // After a crash the same again, with the one that is not let in any more.
    await target.rotateAdmin?.(next, soon())
    expect(await tried(target, next)).toBe('accepted')
    // With neither nothing can be done, and it is said.
    const lost = target.draftAdmin?.() ?? null
    await expect(target.rotateAdmin?.(lost, soon())).rejects.toMatchObject({
      code: 'target-refused',
    })
    return next
  } finally {
    await target.close()
  }
}
