/** Azure for the kit: the pretend one, on a clock turned by hand. */
import { randomBytes, randomUUID } from 'node:crypto'
import { azureConnector } from '../../../connectors/azure/azure.ts'
import type { Issued } from '../../../src/core/target/target.ts'
import { newApp } from '../../fakes/azure/state.ts'
import { type FakeAzure, startFakeAzure } from '../../fakes/azure.ts'
import type { Fault } from '../../fakes/github/state.ts'
import { handClock } from '../clock.ts'
import type { KitFixture, KitOutside, KitSession } from './kit.ts'
import { tooMany } from './too-many.ts'

const unlocked =
  'Azure has no lock and takes no deadline: what comes late opens nothing; a test of the connector holds such a command back'

export async function azureFixture(): Promise<KitFixture> {
  const clock = handClock()
  const azure = await startFakeAzure(clock)
  const connector = azureConnector()
  const openAt = (port: number) => {
    const url = `http://127.0.0.1:${port}`
    return connector.open(connector.parseConfig({ ...azure.config, url }), clock)
  }
  const port = Number(new URL(azure.url).port)
  const target = openAt(port)
  const roles = { read: ['Reader'], write: ['Tag Contributor'] }
  const object = { subscription: azure.subscription, resourceGroup: 'deals', roles }
  return {
    connector,
    target,
    clock,
    pass: ms => clock.advance(ms),
    traits: ['holders', 'lists', 'mints', 'hand'],
    asks: { object, actions: ['read', 'write'], columns: [] },
    asksLess: { actions: ['read'], columns: [] },
    allowed: ['GET /resources', 'PUT /providers/Microsoft.Resources/tags/default'],
    forbidden: 'DELETE /providers/Microsoft.Web/sites/desk',
    badObjects: [
      null,
      {},
      ...['', 'a/b', 'a%2fb', '..', 'dеals', 'a\0', 'a;b', 'a.', 7].map(resourceGroup => ({
        ...object,
        resourceGroup,
      })),
      { ...object, subscription: 'all' },
      { ...object, resource: '../x' },
      { ...object, roles: {} },
    ],
    newSecret: () => ['eyJhbGciOiJub25lIn0', ...[200, 64].map(base64)].join('.'),
    signIn,
    port,
    openAt,
    outside: outsideOf(azure),
    notApplicable: {
      'a secret that its holder changed is noticed, is not renewed, and ends':
        'Entra makes the token, and nobody can choose another',
      'a command that arrives after recovery looked makes nothing': unlocked,
      'a look waits for a creation that is under way': unlocked,
      'what was made and never confirmed is not called gone while it can live':
        'what was made is found by its name, confirmed or not',
    },
    async close() {
      await target.close()
      await azure.close()
      if (azure.breaches.length > 0) throw new Error(azure.breaches.join('\n'))
    },
  }
}

const base64 = (bytes: number) => randomBytes(bytes).toString('base64url')

function outsideOf(azure: FakeAzure): KitOutside {
  const heal = async () => {
    azure.fault = () => undefined
    azure.ending = 'honest'
  }
  const appOf = (name: string) =>
    [...azure.apps.values()].find(each => each.uniqueName === name && !each.isDeleted)
  const principalOf = (name: string) =>
    [...azure.principals.values()].find(each => each.displayName === name && !each.isDeleted)
  return {
    count: async () => azure.living().length,
    has: async name => appOf(name) !== undefined,
    async drop(principal) {
      const [app, own] = [appOf(principal), principalOf(principal)]
      azure.apps.delete(app?.id ?? '')
      azure.principals.delete(own?.id ?? '')
      for (const each of azure.assignments.values())
        if (each.principalId === own?.id) azure.assignments.delete(each.name)
    },
    /** A role on something else, by somebody else. */
    async burden(principal) {
      const name = randomUUID()
      const scope = `/subscriptions/${azure.subscription}/resourceGroups/other`
      const principalId = principalOf(principal)?.id ?? ''
      const facts = { name, scope, role: randomUUID(), principalId, description: '' }
      azure.assignments.set(name, { ...facts, endedAt: null, ending: 'honest' })
      return async () => void azure.assignments.delete(name)
    },
    async seenAs(issued, secret) {
      const session = await signIn(issued, secret)
      await session.use('GET /resources')
      return azure.seen.at(-1)?.by ?? ''
    },
    async plant(count) {
      const all = Array.from({ length: count }, (_, i) =>
        newApp(azure, { displayName: `planted ${i}` }),
      )
      return async () => all.forEach(each => azure.apps.delete(each.id))
    },
    tooMuch: async seconds => tooMany(azure, seconds),
    async failAfter(verb) {
      const fault: Fault = { status: 500, isAfter: true }
      const what = verb === 'issue' ? /oauth2\/v2\.0\/token$/ : /^DELETE .*applications/
      azure.fault = asked => (what.test(asked) ? fault : undefined)
      return heal
    },
    async lie() {
      azure.ending = 'lies'
      return heal
    },
    async lag(ms, path) {
      const on = { first: 'lists', second: 'token' } as const
      azure.ending = { ms, ...(path && { path: on[path] }) }
      return heal
    },
    async expireAdmin() {
      const { adminSecret } = azure
      azure.adminSecret = undefined
      return async () => void (azure.adminSecret = adminSecret)
    },
    async narrowAdmin() {
      const right = 'Microsoft.Authorization/roleAssignments/write'
      azure.lacks.add(right)
      return async () => void azure.lacks.delete(right)
    },
  }
}

/** As the holder of a token has it: each use is a request by itself. */
async function signIn(issued: Issued, secret: string): Promise<KitSession> {
  const { url, scope } = issued.connect
  const headers = { authorization: `Bearer ${secret}` }
  const use = async (what: string) => {
    const [method = '', path = ''] = what.split(' ')
    const answer = await fetch(`${url}${scope}${path}?api-version=2022-04-01`, { method, headers })
    await answer.text()
    if (!answer.ok) throw new Error(`it answered ${answer.status}`)
  }
  await use('GET /providers/Microsoft.Authorization/permissions')
  return { use, close: async () => {} }
}
