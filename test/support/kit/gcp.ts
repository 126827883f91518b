/** Google Cloud for the kit: the pretend one, on a clock turned by hand. */
import { randomBytes } from 'node:crypto'
import { gcpConnector } from '../../../connectors/gcp/gcp.ts'
import { accountId } from '../../../connectors/gcp/names.ts'
import type { Issued } from '../../../src/core/target/target.ts'
import { newAccount } from '../../fakes/gcp/state.ts'
import { type FakeGcp, startFakeGcp } from '../../fakes/gcp.ts'
import type { Fault } from '../../fakes/github/state.ts'
import { handClock } from '../clock.ts'
import type { KitFixture, KitOutside, KitSession } from './kit.ts'
import { tooMany } from './too-many.ts'

const unlocked =
  'Google Cloud has no lock and takes no deadline: what comes late opens nothing; a test of the connector holds such a command back'

export async function gcpFixture(): Promise<KitFixture> {
  const clock = handClock()
  const gcp = await startFakeGcp(clock)
  const connector = gcpConnector()
  const openAt = (port: number) => {
    const url = `http://127.0.0.1:${port}`
    return connector.open(connector.parseConfig({ ...gcp.config, url }), clock)
  }
  const port = Number(new URL(gcp.url).port)
  const target = openAt(port)
  return {
    connector,
    target,
    clock,
    pass: ms => clock.advance(ms),
    traits: ['holders', 'lists', 'mints', 'hand'],
    asks: { object: { bucket: 'acme-deals' }, actions: ['read', 'write'], columns: [] },
    asksLess: { actions: ['read'], columns: [] },
    allowed: ['GET', 'POST'],
    forbidden: 'DELETE',
    badObjects: [
      null,
      {},
      ...['', 'a/b', 'a%2fb', 'a..b', 'аcme', 'acme\0', 'a:setIamPolicy', 'A', 7].map(bucket => ({
        bucket,
      })),
      { project: 'acme-data' },
      { bucket: 'acme-deals', secret: 'crm-key' },
      { project: 'acme-data', secret: '../x' },
      ...[
        'roles/owner',
        'roles/storage.admin',
        'roles/iam.serviceAccountTokenCreator',
        'owner',
      ].map(role => ({ project: 'acme-data', roles: { read: [role] } })),
    ],
    newSecret: () => `ya29.c.${randomBytes(120).toString('base64url')}`,
    signIn,
    port,
    openAt,
    outside: outsideOf(gcp),
    notApplicable: {
      'a secret that its holder changed is noticed, is not renewed, and ends':
        'Google makes the token, and nobody can choose another',
      'a command that arrives after recovery looked makes nothing': unlocked,
      'a look waits for a creation that is under way': unlocked,
      'what was made and never confirmed is not called gone while it can live':
        'what was made is found by its name, confirmed or not',
    },
    async close() {
      await target.close()
      await gcp.close()
      if (gcp.breaches.length > 0) throw new Error(gcp.breaches.join('\n'))
    },
  }
}

function outsideOf(gcp: FakeGcp): KitOutside {
  const heal = async () => {
    gcp.fault = () => undefined
    gcp.ending = 'honest'
  }
  const emailOf = (name: string) => `${accountId(name)}@${gcp.project}.iam.gserviceaccount.com`
  return {
    count: async () => gcp.living().length,
    has: async name => gcp.accounts.has(emailOf(name)),
    async drop(principal) {
      gcp.accounts.delete(emailOf(principal))
    },
    /** A role beside what the lease was given, by somebody else. */
    async burden(principal) {
      const policy = gcp.policies.get('bucket acme-deals')
      const email = emailOf(principal)
      const kept = { role: 'roles/storage.objectUser', members: [`serviceAccount:${email}`] }
      policy?.bindings.push(kept)
      return async () => {
        const now = gcp.policies.get('bucket acme-deals')
        const isKept = ({ role, members }: typeof kept) =>
          role === kept.role && members.some(member => member.includes(email))
        if (now) now.bindings = now.bindings.filter(each => !isKept(each))
      }
    },
    async seenAs(issued, secret) {
      const session = await signIn(issued, secret)
      await session.use('GET')
      return gcp.seen.at(-1)?.by ?? ''
    },
    async plant(count) {
      const planted = Array.from({ length: count }, (_, i) =>
        newAccount(gcp, `planted-${1000 + i}`),
      )
      return async () => planted.forEach(({ email }) => gcp.accounts.delete(email))
    },
    tooMuch: async seconds => tooMany(gcp, seconds),
    async failAfter(verb) {
      const fault: Fault = { status: 500, isAfter: true }
      const what = verb === 'issue' ? /:generateAccessToken$/ : /^DELETE /
      gcp.fault = asked => (what.test(asked) ? fault : undefined)
      return heal
    },
    async lie() {
      gcp.ending = 'lies'
      return heal
    },
    async lag(ms, path) {
      const on = { first: 'lists', second: 'token' } as const
      gcp.ending = { ms, ...(path && { path: on[path] }) }
      return heal
    },
    async expireAdmin() {
      const { publicKey } = gcp
      gcp.publicKey = undefined
      return async () => void (gcp.publicKey = publicKey)
    },
    async narrowAdmin() {
      gcp.lacks.add('storage.buckets.setIamPolicy')
      return async () => void gcp.lacks.delete('storage.buckets.setIamPolicy')
    },
  }
}

/** As the holder of a token has it: each use is a request by itself. */
async function signIn(issued: Issued, secret: string): Promise<KitSession> {
  const { url } = issued.connect
  const headers = { authorization: `Bearer ${secret}` }
  const ask = async (method: string, path: string) => {
    const answer = await fetch(`${url}${path}`, { method, headers })
    await answer.text()
    if (!answer.ok) throw new Error(`it answered ${answer.status}`)
  }
  await ask('GET', '/storage/v1/b/acme-deals/iam/testPermissions?permissions=storage.objects.get')
  return { use: what => ask(what, '/storage/v1/b/acme-deals/o/deal'), close: async () => {} }
}
