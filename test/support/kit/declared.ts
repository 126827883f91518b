/** A system nobody foresaw for the kit: Keyring, by its file, on a clock turned by hand. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { declaredConnector } from '../../../connectors/declared/declared.ts'
import type { Issued } from '../../../src/core/target/target.ts'
import { type FakeKeyring, plantKey, startFakeKeyring } from '../../fakes/declared.ts'
import { handClock } from '../clock.ts'
import type { KitFixture, KitOutside, KitSession } from './kit.ts'
import { tooMany } from './too-many.ts'

const folder = join(import.meta.dirname, '../../../connectors/declared/systems')
/** What ships, by its name. */
export const fileOf = (name: string) => readFileSync(join(folder, `${name}.yaml`), 'utf8')

const rights = 'rights are in each credential; nothing else there holds them'
const unlocked =
  'a file declares no lock: what comes late carries our name, and an inventory finds it'

/** What a person writes to connect it. */
export function keyringConfig({ url, adminToken, probe, team }: FakeKeyring) {
  const file = fileOf('keyring')
  return {
    file,
    url,
    credential: adminToken,
    probe,
    settings: { team },
    canary: { project: 'canary' },
  }
}

export async function declaredFixture(): Promise<KitFixture> {
  const clock = handClock()
  const keyring = await startFakeKeyring(clock)
  const config = keyringConfig(keyring)
  const openAt = (port: number) => {
    const url = `http://127.0.0.1:${port}/api`
    return declaredConnector.open(declaredConnector.parseConfig({ ...config, url }), clock)
  }
  const port = Number(new URL(keyring.url).port)
  const target = openAt(port)
  const bad = ['', 'a\0', 'a\n', 'a\u202eb', ' a', 'a'.repeat(201)].map(project => ({ project }))
  return {
    connector: declaredConnector,
    target,
    clock,
    pass: ms => clock.advance(ms),
    traits: ['lists', 'mints', 'hand'],
    asks: { object: { project: 'deals' }, actions: ['read', 'write'], columns: [] },
    allowed: ['GET items', 'POST items'],
    forbidden: 'DELETE items',
    badObjects: [[], 'deals', { project: 7 }, { '../x': 'deals' }, ...bad],
    newSecret: () => `kr_${randomBytes(24).toString('hex')}`,
    signIn: (issued, secret) => signIn(issued, secret),
    port,
    openAt,
    outside: outsideOf(keyring),
    notApplicable: {
      'narrowing a grant narrows what is open under it':
        'a credential keeps the rights it was made with; less is for the next one',
      'a rights holder is removed, twice if asked, and looked for': rights,
      'without its grant nothing is issued': rights,
      'a secret that its holder changed is noticed, is not renewed, and ends':
        'the system makes the credential, and a file declares no other way',
      'what stays behind is named until others take it away':
        'a file does not declare what a credential made there',
      'a command that arrives after recovery looked makes nothing': unlocked,
      'a look waits for a creation that is under way': unlocked,
      'what was made and never confirmed is not called gone while it can live':
        'what was made is found by its name, confirmed or not',
    },
    async close() {
      await target.close()
      await keyring.close()
      if (keyring.breaches.length > 0) throw new Error(keyring.breaches.join('\n'))
    },
  }
}

function outsideOf(keyring: FakeKeyring): KitOutside {
  const heal = async () => {
    keyring.fault = () => undefined
    keyring.ending = 'honest'
  }
  const ours = () => keyring.living().filter(key => key.label.startsWith('lh_'))
  return {
    count: async () => ours().length,
    has: async name => ours().some(key => key.label === name),
    async drop(principal) {
      for (const key of ours()) if (key.label === principal) key.endedAt = keyring.clock.now()
    },
    async seenAs(issued, secret) {
      const session = await signIn(issued, secret)
      await session.use('GET items')
      return keyring.seen.at(-1)?.by ?? ''
    },
    async plant(count) {
      const made = Array.from({ length: count }, (_, i) => plantKey(keyring, `planted_${i}`))
      return async () => made.forEach(({ id }) => keyring.keys.delete(id))
    },
    tooMuch: async seconds => tooMany(keyring, seconds),
    async failAfter(verb) {
      const what = verb === 'issue' ? /^POST .*\/keys$/ : /^DELETE /
      keyring.fault = asked => (what.test(asked) ? { status: 500, isAfter: true } : undefined)
      return heal
    },
    async lie() {
      keyring.ending = 'lies'
      return heal
    },
    async lag(ms, path) {
      const on = { first: 'list', second: 'key' } as const
      keyring.ending = { ms, ...(path && { path: on[path] }) }
      return heal
    },
    async expireAdmin() {
      const { adminToken } = keyring
      keyring.adminToken = randomBytes(24).toString('hex')
      return async () => void (keyring.adminToken = adminToken)
    },
    async narrowAdmin() {
      keyring.adminMay = ['keys.read']
      return async () => void (keyring.adminMay = ['keys.read', 'keys.write'])
    },
  }
}

/** As the holder of a key has it: each use is a request. */
async function signIn(issued: Issued, secret: string): Promise<KitSession> {
  const use = async (what: string) => {
    const [method = '', path] = what.split(' ')
    const headers = { 'x-key': secret }
    const answer = await fetch(`${issued.connect['url']}/${path}`, { method, headers })
    const body: unknown = await answer.json()
    if (!answer.ok) throw new Error(`it answered ${answer.status}`)
    return body
  }
  await use('GET whoami')
  return { use, close: async () => {} }
}
