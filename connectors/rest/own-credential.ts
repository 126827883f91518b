/**
 * Our own credential at a system, made anew by us: what connectors share of it. Their own is how it is set
 * there, and how one is tried. INVARIANT: what is set is said to be so only after it was let in.
 */
import type { Json } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import type { Target } from '../../src/core/target/target.ts'
import { randomSecret } from './canary.ts'
import type { ServerConfig } from './server.ts'

interface Own<C extends Json> {
  readonly config: C
  readonly parse: (input: Json) => C
  /** With a secret of its own that nobody has seen. */
  readonly draft: () => C
  readonly set: (next: C, signal: AbortSignal) => Promise<unknown>
  readonly says: (config: C, signal: AbortSignal) => Promise<'accepted' | 'refused' | 'unclear'>
}

export function ownCredential<C extends Json>({ config, parse, draft, set, says }: Own<C>) {
  return {
    draftAdmin: draft,
    async rotateAdmin(input, signal) {
      const next = parse(input)
      const answered =
        (await says(config, signal)) === 'accepted'
          ? await set(next, signal).catch((thrown: unknown) => thrown)
          : undefined
      const said = await says(next, signal)
      if (said === 'accepted') return
      throw new Problem(said === 'refused' ? 'target-refused' : 'target-unavailable', {
        detail: 'Our new credential there is not let in.',
        next: 'It is tried again by itself. May our account there change its own credential?',
        cause: answered,
      })
    },
    tryAdmin: (input, signal) => says(parse(input), signal),
  } satisfies Pick<Target, 'draftAdmin' | 'rotateAdmin' | 'tryAdmin'>
}

/** The same account with another password; the probe's too, where it is the same account. */
export function redrawn<C extends ServerConfig>(config: C): C {
  const own = { user: config.user, password: randomSecret() }
  return { ...config, ...own, probe: config.probe.user === config.user ? own : config.probe }
}
