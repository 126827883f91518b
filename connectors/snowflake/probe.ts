/**
 * A token of our own user that may do nothing: let in on the path of leases, it says that a refusal
 * there means something. It lives in memory, and is removed when it is replaced and on `close`.
 */
import { randomBytes } from 'node:crypto'
import { product } from '../../src/core/base/product.ts'
import { addSeconds, type Instant } from '../../src/core/base/time.ts'
import type { Said } from '../rest/cloud.ts'
import { type Account, explain, instantOf, tokensOf } from './account.ts'
import { quote } from './names.ts'

/** Used so long, then another is made; of a server that was killed, one stays until somebody makes another. */
const bounds = { usedSeconds: 900, staleSeconds: 3600, endMs: 2_000 }
const prefix = `${product.targetPrefix.toUpperCase()}_PROBE_`

export type Probe = ReturnType<typeof openProbe>

export function openProbe({ config, clock, run, tryToken }: Account) {
  const alter = `ALTER USER ${quote(config.user)}`
  const remove = (name: string, signal: AbortSignal) =>
    run(`${alter} REMOVE PROGRAMMATIC ACCESS TOKEN ${quote(name)}`, signal)

  async function make(signal: AbortSignal) {
    const oldest = addSeconds(clock.now(), -bounds.staleSeconds)
    for (const { name, created_on: at } of await run(tokensOf(config.user), signal))
      if (name?.startsWith(prefix) && (instantOf(at) ?? oldest) < oldest) await remove(name, signal)
    const name = `${prefix}${randomBytes(6).toString('hex').toUpperCase()}`
    const add = `ADD PROGRAMMATIC ACCESS TOKEN ${quote(name)} ROLE_RESTRICTION = 'PUBLIC'`
    const [row] = await run(`${alter} ${add} DAYS_TO_EXPIRY = 1`, signal)
    return { name, token: row?.['token_secret'] ?? '' }
  }

  let held: { readonly until: Instant; readonly made: ReturnType<typeof make> } | undefined
  async function drop(of = held): Promise<void> {
    const made = await of?.made.catch(() => undefined)
    if (made) await remove(made.name, AbortSignal.timeout(bounds.endMs)).catch(() => {})
  }
  async function say(signal: AbortSignal, isNew: boolean): Promise<Said> {
    if (isNew || held === undefined || clock.now() >= held.until) {
      void drop()
      held = { until: addSeconds(clock.now(), bounds.usedSeconds), made: make(signal) }
    }
    const mine = held
    const { token } = await mine.made.catch(thrown => {
      if (held === mine) held = undefined
      throw thrown
    })
    return tryToken(token, config.user, signal)
  }
  return {
    async tryProbe(signal: AbortSignal): Promise<Said> {
      try {
        const said = await say(signal, false)
        return said.says === 'refused' ? await say(signal, true) : said
      } catch (thrown) {
        return { says: 'unclear', because: explain(thrown) }
      }
    },
    close: () => drop(),
  }
}
