/**
 * LISTEN on a connection of its own that comes back by itself. Waking is a hint: who wakes reads the
 * truth from the tables, so after each reconnect it wakes once for whatever was missed meanwhile.
 */
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { limits } from '../base/limits.ts'
import { translate } from './fault.ts'

/** Throws only when the first connection fails. Returns how to stop. */
export async function listen(
  config: pg.ClientConfig,
  channel: string,
  wake: (payload: string) => void,
): Promise<() => Promise<void>> {
  const stopped = new AbortController()
  let client: pg.Client | undefined

  const start = async () => {
    const next = new pg.Client({ ...config, pipeline: false })
    next.on('error', () => {})
    next.on('notification', message => wake(message.payload ?? ''))
    try {
      await next.connect()
      await next.query(`listen ${pg.escapeIdentifier(channel)}`)
    } catch (thrown) {
      await next.end().catch(() => {})
      throw translate(thrown)
    }
    client = next
    next.once('end', () => void restart())
  }
  const restart = async () => {
    while (!stopped.signal.aborted) {
      try {
        await setTimeout(limits.storeRelistenMs, undefined, stopped)
        await start()
        if (stopped.signal.aborted) await client?.end()
        else wake('')
        return
      } catch {
        // Stopped, or not back yet: then the next round tries again, and readers poll meanwhile.
      }
    }
  }

  await start()
  return async () => {
    stopped.abort()
    await client?.end().catch(() => {})
  }
}
