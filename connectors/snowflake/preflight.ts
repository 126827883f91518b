/**
 * The canary: before anything is issued here, a whole life of a user whose role may do nothing. Stops at
 * the first step that fails; each detail says what a person does next.
 */
import { randomBytes } from 'node:crypto'
import { judge } from '../../src/core/target/judge.ts'
import type { Preflight } from '../../src/core/target/target.ts'
import { newCanary, type Steps, walk } from '../rest/canary.ts'
import { type Account, refused } from './account.ts'
import { removeHolder, verifyHolderGone } from './holder.ts'
import { end, make, pathOf } from './lease.ts'
import { ourName, quote } from './names.ts'
import type { Probe } from './probe.ts'
import { verifyGone, whyNotSeen } from './verify.ts'

export function preflight(account: Account & Probe, signal: AbortSignal): Promise<Preflight> {
  const object = { database: account.config.account, schema: 'NONE', view: 'NONE' }
  const canary = newCanary(account.clock, { object, secret: '' }, 60)
  const user = ourName(canary.principal)
  let secret = ''
  const look = async (isLive: boolean) => {
    const acceptedPath = pathOf(account, canary.principal)
    const seen = await verifyGone(account, { ...canary, secret, acceptedPath }, signal)
    // Of what runs it knows nothing: its role may use no warehouse.
    const state = judge({ ...seen, sessions: 0 })
    const isSo = isLive
      ? seen.listed === 'present' && seen.credential === 'accepted'
      : state === 'verified-gone'
    if (!isSo) throw refused(`It is ${state}: ${seen.because ?? 'as it was'}`)
  }
  const steps: Steps = {
    'our key is taken, with our role': async () => {
      await account.run('SELECT CURRENT_ROLE()', signal)
    },
    'what runs can be seen': async () => {
      const because = await whyNotSeen(account, signal)
      return because === undefined ? undefined : `no: no end will be green. ${because}`
    },
    'a rights holder is made': async () => {
      await account.run(`CREATE ROLE IF NOT EXISTS ${quote(ourName(canary.holder))}`, signal)
    },
    'a user with a token is made, and accepted': async () => {
      secret = (await make(account, canary, signal)).secret
    },
    'both are listed': () => look(true),
    'a token that nobody made is refused': async () => {
      const { says, because } = await account.tryToken(inventedToken(), user, signal)
      if (says !== 'refused') throw refused(`It is ${says}. ${because}`)
    },
    'it is ended': () => end(account, { ...canary, secret }, signal),
    'it is refused and gone': () => look(false),
    'its rights holder is gone': async () => {
      await removeHolder(account, canary.holder, signal)
      const { listed } = await verifyHolderGone(account, canary.holder, signal)
      if (listed !== 'absent') throw refused(`It is ${listed}.`)
    },
  }
  return walk('Snowflake', steps, async () => {
    await end(account, { ...canary, secret }, signal).catch(() => {})
    await removeHolder(account, canary.holder, signal)
  })
}

/** Of the form of a token, and of nobody. */
function inventedToken(): string {
  return [20, 60, 40].map(bytes => randomBytes(bytes).toString('base64url')).join('.')
}
