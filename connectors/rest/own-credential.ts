/**
 * The password of the account we sign in as at a server, made anew by us: what databases share of it. Their
 * own is how it is set, and how one is tried. INVARIANT: it is said to be set only after it was let in.
 */
import type { Json } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import type { Target } from '../../src/core/target/target.ts'
import { randomSecret } from './canary.ts'
import type { ServerConfig } from './server.ts'

interface Own<C> {
  readonly parse: (input: Json) => C
  readonly set: (password: string, signal: AbortSignal) => Promise<unknown>
  readonly says: (of: C, signal: AbortSignal) => Promise<'accepted' | 'refused' | 'unclear'>
}

export function ownPassword<C extends ServerConfig>(config: C, { parse, set, says }: Own<C>) {
  return {
    // The probe's too, where it is the same account.
    draftAdmin: (): Json => {
      const own = { user: config.user, password: randomSecret() }
      return { ...config, ...own, probe: config.probe.user === config.user ? own : config.probe }
    },
    async rotateAdmin(input, signal) {
      const next = parse(input)
      // After a crash it is set already. What it answers is no proof.
      if ((await says(config, signal)) === 'accepted')
        await set(next.password, signal).catch(() => {})
      const said = await says(next, signal)
      if (said === 'accepted') return
      throw new Problem(said === 'refused' ? 'target-refused' : 'target-unavailable', {
        detail: 'Our new credential there is not let in.',
        next: 'It is tried again by itself. May our account there change its own password?',
      })
    },
    tryAdmin: (input, signal) => says(parse(input), signal),
  } satisfies Partial<Target>
}
