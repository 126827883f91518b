/**
 * The canary: before anything is issued here, a whole life of a service account without any right. Stops
 * at the first step that fails; each detail says what a person does next.
 */
import { randomBytes } from 'node:crypto'
import type { Preflight } from '../../src/core/target/target.ts'
import { isVerified, newCanary, type Steps, settled, walk } from '../rest/canary.ts'
import { findAccount, makeAccount } from './account.ts'
import { type Cloud, refused } from './cloud.ts'
import { pathOf } from './holder.ts'
import { acceptedPathOf, hold, mint } from './lease.ts'
import { lookAtAccount, verifyGone } from './verify.ts'

const bounds = { tries: 6, restMs: 1_000 }

export function preflight(cloud: Cloud, signal: AbortSignal): Promise<Preflight> {
  const object = { project: cloud.config.project, secret: 'none' }
  const canary = newCanary(cloud.clock, { object, secret: '' }, 60)
  let secret = ''
  const remove = async () => {
    await hold(cloud, canary.principal, signal)
    const path = pathOf(cloud, cloud.emailOf(canary.principal))
    await cloud.call('iam', { method: 'DELETE', path, takes: [404] }, signal)
  }
  const steps: Steps = {
    'our credential is taken': async () => {
      const path = `/v1/projects/${cloud.config.project}/serviceAccounts?pageSize=1`
      await cloud.call('iam', { method: 'GET', path }, signal)
    },
    'a service account is made': () =>
      makeAccount(cloud, { name: canary.principal, description: 'A canary.' }, signal),
    'a token of it is made, and accepted': async () => {
      secret = await mint(cloud, canary, signal)
    },
    'it is listed': async () => {
      if ((await findAccount(cloud, canary.principal, signal)) === undefined)
        throw refused('It is not listed.')
    },
    'a token that nobody made is refused': async () => {
      const { says, because } = await cloud.tryToken(inventedToken(), signal)
      if (says !== 'refused') throw refused(`It is ${says}. ${because}`)
    },
    'it is ended': remove,
    'it is refused and gone': async () => {
      const order = { ...canary, secret, acceptedPath: acceptedPathOf(cloud, canary.principal) }
      const look = () => verifyGone(cloud, order, signal, lookAtAccount)
      await settled(look, { isSo: isVerified, bounds, refused, signal })
    },
  }
  return walk('Google Cloud', steps, remove)
}

/** Of the form of a token, and of nobody. */
const inventedToken = () => `ya29.c.${randomBytes(90).toString('base64url')}`
