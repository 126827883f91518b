/**
 * The canary: before anything is issued here, a whole life of a session whose role may do nothing, and
 * then whether an inventory would see what is there. Each detail says what a person does next.
 */
import { randomBytes } from 'node:crypto'
import { product } from '../../src/core/base/product.ts'
import type { Evidence, Preflight } from '../../src/core/target/target.ts'
import { isVerified, newCanary, type Steps, settled, walk } from '../rest/canary.ts'
import { seenSteps } from '../rest/lists.ts'
import { ensureRole, readRole, removeHolder, verifyHolderGone } from './holder.ts'
import { listsOf } from './inventory.ts'
import { end, make, pathOf } from './session.ts'
import { refused } from './trouble.ts'
import { type Looking, verifyGone } from './verify.ts'

/** What IAM is told is known everywhere some seconds later. */
const bounds = { tries: 10, restMs: 700, lifeSeconds: 60 }
const nothing = { actions: [], resources: [] }

export function preflight(looking: Looking, signal: AbortSignal): Promise<Preflight> {
  const { account } = looking
  const object = { service: 's3', resources: ['arn:aws:s3:::none'] }
  const stays = { object, holder: `${product.targetPrefix}g_canary`, secret: '' }
  const canary = newCanary(account.clock, stays, bounds.lifeSeconds)
  let secret = ''
  const look = async (isLive: boolean) => {
    const acceptedPath = pathOf(account, canary)
    const see = () => verifyGone(looking, { ...canary, secret, acceptedPath }, signal)
    await settled(see, { isSo: isLive ? isLet : isVerified, bounds, refused, signal })
  }
  const steps: Steps = {
    'our credential is taken': async () => {
      await readRole(account, canary.holder, signal)
    },
    'a rights holder is made, and removed': async () => {
      const name = `${product.targetPrefix}g_canary_${randomBytes(8).toString('hex')}`
      await ensureRole(account, { name, rights: nothing }, signal)
      await removeHolder(account, name, signal)
      const { listed, because = '' } = await verifyHolderGone(account, name, signal)
      if (listed !== 'absent') throw refused(`It is ${listed}. ${because}`)
    },
    // AWS knows a new role only after some seconds, so this one stays.
    'one that stays is as we made it': () =>
      ensureRole(account, { name: canary.holder, rights: nothing }, signal),
    'a session is made, and accepted': async () => {
      secret = (await make(account, canary, nothing, signal)).secret ?? ''
    },
    'it is seen, and so is one of ours beside it': () => look(true),
    'one that nobody made is refused': async () => {
      const { says, because } = await account.trySession(inventedSession(), canary.holder, signal)
      if (says !== 'refused') throw refused(`It is ${says}. ${because}`)
    },
    'it is ended': () => end(looking, { ...canary, secret }, signal),
    'it is refused and gone': () => look(false),
    ...seenSteps(listsOf(account), signal),
  }
  return walk('AWS', steps, () => end(looking, { ...canary, secret }, signal))
}

const isLet = ({ credential, probe }: Evidence) => credential === 'accepted' && probe === 'accepted'

/** Of the form of a session, and of nobody. */
const inventedSession = () => ({
  accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
  secretAccessKey: randomBytes(30).toString('base64'),
  sessionToken: randomBytes(100).toString('base64'),
})
