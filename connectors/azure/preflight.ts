/**
 * The canary: before anything is issued here, a whole life of an application without any right. Stops at
 * the first step that fails; each detail says what a person does next.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { product } from '../../src/core/base/product.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import type { Preflight } from '../../src/core/target/target.ts'
import { type Steps, walk } from '../rest/canary.ts'
import { type App, findApp, listDeleted, makeApp, removeApp } from './apps.ts'
import type { Cloud } from './cloud.ts'
import { mint } from './lease.ts'
import { refused, rest } from './login.ts'

const bounds = { tries: 6, restMs: 1_000 }

export function preflight(cloud: Cloud, signal: AbortSignal): Promise<Preflight> {
  const name = `${product.targetPrefix}_canary_${randomBytes(8).toString('hex')}`
  const order = { principal: name, deadline: addSeconds(cloud.clock.now(), 60) }
  let app: App | undefined
  // Without a right: no scope is known here.
  const steps: Steps = {
    'our credential is taken by Entra and Graph': async () => {
      await cloud.readPage('graph', '/v1.0/applications?$top=1&$select=id', signal)
    },
    'our credential is taken by Resource Manager': async () => {
      await cloud.readPage('arm', '/subscriptions?api-version=2022-12-01', signal)
    },
    'an application is made': async () => {
      const mark = { of: name, at: '' }
      app = (await makeApp(cloud, { name, mark, isEnabled: true }, signal)).app
    },
    'a token of it is made': async () => {
      if (app !== undefined) await mint(cloud, { app, order }, signal)
    },
    'it is listed': async () => {
      if ((await findApp(cloud, name, signal)) === undefined) throw refused('It is not listed.')
    },
    'one whose secret nobody made is refused': async () => {
      const proof = { client_secret: randomUUID() }
      const asked = { clientId: app?.appId ?? '', proof, service: 'arm' } as const
      if (!('code' in (await cloud.askToken(asked, signal)))) throw refused('It was let in.')
    },
    'it is ended': () => removeApp(cloud, name, signal),
    'it is gone, also from what was deleted': async () => {
      for (let tries = 1; ; tries++) {
        const left = await listDeleted(cloud, name, signal)
        if ((await findApp(cloud, name, signal)) === undefined && left.length === 0) return
        if (tries === bounds.tries) throw refused('It is still there.')
        await rest(bounds.restMs, signal)
      }
    },
  }
  return walk('Azure', steps, () => removeApp(cloud, name, signal))
}
