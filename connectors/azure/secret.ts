/**
 * By what an application of ours proves itself for one moment: a word of our issuer, or a secret that
 * Entra makes and that is removed again.
 */
import { z } from 'zod'
import { addSeconds } from '../../src/core/base/time.ts'
import type { App } from './apps.ts'
import type { Cloud } from './cloud.ts'
import { type Proof, readAs, rest, unavailable, wordAudience } from './login.ts'

const bounds = { tries: 12, restMs: 500, lifeSeconds: 300, endMs: 3_000 }
const passwordShape = z.object({
  keyId: z.string().regex(/^[0-9a-f-]{36}$/),
  secretText: z.string().min(1),
})

export interface Made {
  readonly prove: () => Promise<Proof>
  readonly remove: () => Promise<void>
}

/** `subject`: the name of the lease, which our issuer signs for. */
export async function newSecret(cloud: Cloud, app: App, subject: string, signal: AbortSignal) {
  const path = `/v1.0/applications/${app.id}`
  return cloud.config.clientSecret === undefined
    ? trust(cloud, { path, subject }, signal)
    : password(cloud, { path, subject }, signal)
}

interface Making {
  readonly path: string
  readonly subject: string
}

async function trust(cloud: Cloud, { path, subject }: Making, signal: AbortSignal): Promise<Made> {
  const body = {
    name: 'lease',
    issuer: cloud.issuer?.issuer ?? '',
    subject,
    audiences: [wordAudience],
  }
  await post(cloud, { path: `${path}/federatedIdentityCredentials`, body, takes: [409] }, signal)
  const remove = `${path}/federatedIdentityCredentials(name='lease')`
  return {
    prove: () => cloud.prove(subject),
    remove: async () => {
      const own = AbortSignal.timeout(bounds.endMs)
      await cloud.call('graph', { method: 'DELETE', path: remove, takes: [404] }, own)
    },
  }
}

async function password(
  cloud: Cloud,
  { path, subject }: Making,
  signal: AbortSignal,
): Promise<Made> {
  const endDateTime = addSeconds(cloud.clock.now(), bounds.lifeSeconds)
  const body = { passwordCredential: { displayName: subject, endDateTime } }
  const answer = await post(cloud, { path: `${path}/addPassword`, body, takes: [] }, signal)
  const { keyId, secretText } = readAs(passwordShape, answer.body)
  return {
    prove: async () => ({ client_secret: secretText }),
    remove: async () => {
      const own = AbortSignal.timeout(bounds.endMs)
      const request = { method: 'POST', path: `${path}/removePassword`, body: { keyId } } as const
      await cloud.call('graph', request, own)
    },
  }
}

/** Another replica may not have heard of the application. */
async function post(
  cloud: Cloud,
  {
    takes,
    ...asked
  }: { path: string; body: Parameters<Cloud['call']>[1]['body'] & {}; takes: number[] },
  signal: AbortSignal,
) {
  for (let tries = 1; tries <= bounds.tries; tries++) {
    const request = { ...asked, method: 'POST', takes: [...takes, 404] } as const
    const answer = await cloud.call('graph', request, signal)
    if (answer.status !== 404) return answer
    await rest(bounds.restMs, signal)
  }
  throw unavailable('has not heard of an application that was made a moment ago')
}
