/**
 * What connectors have alike where the one credential is ours: a lease makes nothing at the system, it
 * lets its task through our gateway, and its end is the end of that. What each request does is the
 * connector's to say.
 */
import type { Json } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type { Credential, Evidence, Target, Upstream } from '../../src/core/target/target.ts'
import { classOfRequest, type Rule } from './classes.ts'
import { type Preset, rulesOf } from './presets.ts'

export const ourGateway = 'it never left our gateway'

/** Holding is the gateway's, which lets nobody through; there is nothing else to hold. */
export function madeNothing(clock: Pick<Clock, 'now'>) {
  const nothing = async () => {}
  return {
    ensureHolder: nothing,
    hold: nothing,
    release: nothing,
    removeHolder: nothing,
    verifyHolderGone: async () => ({ listed: 'absent', residue: [], at: clock.now() }),
    close: nothing,
  } as const satisfies Partial<Target>
}

/** True as worded: nothing that was issued for this lease is left there, because nothing was. */
export function neverLeft(clock: Pick<Clock, 'now'>): Evidence {
  return {
    listed: 'absent',
    credential: 'none',
    probe: 'not-tried',
    sessions: 0,
    residue: [],
    paths: [ourGateway],
    at: clock.now(),
  }
}

/** INVARIANT: what `fetch` sends goes to the address that was connected, whatever it is called with. */
export function asOurselves(url: URL, credential: Upstream['credential']) {
  const ask = (init: RequestInit, as: Credential) => {
    const headers = { ...Object.fromEntries(new Headers(init.headers)), ...as }
    return fetch(url, { ...init, headers, redirect: 'error' })
  }
  return {
    url,
    credential,
    fetch: async (_: string | URL, init: RequestInit = {}) => {
      const first = await credential()
      const answer = await ask(init, first)
      const other = answer.status === 401 ? await credential(first) : first
      const last = other === first ? answer : await ask(init, other)
      if (last.status !== 401) return last
      throw new Problem('target-refused', { detail: 'The target does not take our credential.' })
    },
  } as const satisfies Partial<Upstream>
}

/** By what the resource says, then by what is known of the system. */
export function classesOf(url: URL, preset: Preset) {
  const base = url.pathname.replace(/\/$/, '')
  const known = rulesOf(preset)
  return (object: Json, asked: string) => {
    const { rules = [] } = (object ?? {}) as { rules?: readonly { ask: string; action: Rule[1] }[] }
    const own = rules.map(({ ask, action }) => [ask, action] as const)
    return classOfRequest([...own, ...known], asked.replace(` ${base}/`, ' /'))
  }
}
