/** What canaries of all connectors have alike. */
import { describe, expect, test } from 'vitest'
import { Problem } from '../../src/core/base/problem.ts'
import { addSeconds, toSeconds } from '../../src/core/base/time.ts'
import type { Evidence } from '../../src/core/target/target.ts'
import { handClock } from '../../test/support/clock.ts'
import { newCanary, settled, sweepCanaries } from './canary.ts'
import { isOurName } from './names.ts'

const clock = handClock()
const madeAgo = (seconds: number) => toSeconds(addSeconds(clock.now(), -seconds))

async function swept(names: readonly string[]) {
  const gone: string[] = []
  const note = (verb: string) => async (name: string) => void gone.push(`${verb} ${name}`)
  await sweepCanaries(names, clock, { end: note('end'), removeHolder: note('remove') })
  return gone
}

describe('what was left behind', () => {
  test('is taken away when it is old, each in its own way', async () => {
    const old = madeAgo(301)
    expect(await swept([`lh_canary_${old}_00ff`, `lhg_canary_${old}_00ff`])).toEqual([
      `end lh_canary_${old}_00ff`,
      `remove lhg_canary_${old}_00ff`,
    ])
  })

  test('is left alone while another replica may be at work with it', async () => {
    expect(await swept([`lh_canary_${madeAgo(299)}_00ff`])).toEqual([])
  })

  test.each(['lh_ab12cd_canary_01jdxyzabcdefghjkmnpqrstvw', 'lh_canary_x_00ff', 'canary_1_00ff'])(
    '%s is no canary, whatever the app is called',
    async name => expect(await swept([name])).toEqual([]),
  )
})

test('a canary may do nothing, and is named as leases are', () => {
  const { principal, holder, owner, actions, columns } = newCanary(clock, { object: null })
  expect([principal, holder, owner].every(isOurName)).toBe(true)
  expect({ actions, columns }).toEqual({ actions: [], columns: [] })
})

describe('a look that is not yet so', () => {
  const evidence = (listed: Evidence['listed']): Evidence => ({
    listed,
    credential: 'not-tried',
    probe: 'not-tried',
    sessions: 0,
    residue: [],
    paths: [],
    at: clock.now(),
  })
  const settling = {
    isSo: ({ listed }: Evidence) => listed === 'absent',
    bounds: { tries: 3, restMs: 1 },
    refused: (detail: string) => new Problem('target-refused', { detail }),
    signal: AbortSignal.timeout(5_000),
  }

  test('is taken again, a few times', async () => {
    let left = 2
    const look = async () => evidence(left-- > 0 ? 'present' : 'absent')
    await expect(settled(look, settling)).resolves.toBeUndefined()
    await expect(settled(async () => evidence('present'), settling)).rejects.toThrow(/still-there/)
  })

  test('is not waited for where nothing can be seen', async () => {
    let looks = 0
    const look = async () => {
      looks++
      return evidence('unknown')
    }
    await expect(settled(look, settling)).rejects.toThrow(/unreachable/)
    expect(looks).toBe(1)
  })
})
