/**
 * A real system that nobody wrote a connector for: JupyterHub, by the file that ships, through the whole
 * kit. `test/verify/jupyterhub.sh` starts it; without one these are seen to be skipped.
 */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { declaredConnector } from '../../connectors/declared/declared.ts'
import { systemClock } from '../../src/core/base/time.ts'
import type { Issued } from '../../src/core/target/target.ts'
import { fileOf } from '../support/kit/declared.ts'
import type { KitFixture, KitSession } from '../support/kit/kit.ts'
import { targetKit } from '../support/kit/suite.ts'

const url = process.env['LEASEHOLD_JUPYTERHUB_URL'] ?? 'http://127.0.0.1:1'
const given = (name: string) => process.env[`HUB_${name}`] ?? 'missing'
interface Token {
  readonly id: string
  readonly note: string
}

async function ask(token: string, method: string, path: string): Promise<unknown> {
  const headers = { authorization: `token ${token}` }
  const answer = await fetch(`${url}/hub/api${path}`, { method, headers })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}`)
  return text === '' ? undefined : JSON.parse(text)
}
const asOracle = (method: string, path: string) => ask(given('ORACLE'), method, path)
const tokens = async () => {
  const { api_tokens: all } = (await asOracle('GET', '/users/desk/tokens')) as {
    api_tokens: Token[]
  }
  return all.filter(({ note }) => note.startsWith('lh_'))
}

async function signIn(_: Issued, secret: string): Promise<KitSession> {
  const use = (what: string) => {
    const [method = '', path = ''] = what.split(' ')
    return ask(secret, method, path)
  }
  await use('GET /user')
  return { use, close: async () => {} }
}

async function hubFixture(): Promise<KitFixture> {
  let credential = given('ADMIN')
  const openAt = (port: number) => {
    const of = { probe: given('PROBE'), settings: { user: 'desk' }, canary: {} }
    const at = `http://127.0.0.1:${port}`
    const config = { file: fileOf('jupyterhub'), url: at, credential, ...of }
    return declaredConnector.open(declaredConnector.parseConfig(config), systemClock)
  }
  const port = Number(new URL(url).port)
  const target = openAt(port)
  const real = 'a real server is not told to fail: the pretend system is asked this'
  const rights = 'rights are in each token; nothing else there holds them'
  const unlocked = 'JupyterHub has no lock: what comes late carries our name'
  return {
    connector: declaredConnector,
    target,
    clock: systemClock,
    traits: ['lists', 'mints'],
    asks: { object: {}, actions: ['read'], columns: [] },
    allowed: ['GET /users/desk', 'GET /user'],
    forbidden: 'GET /users/desk/tokens',
    badObjects: [[], 'desk', { user: 7 }, { '../x': 'y' }, { user: 'a\0' }],
    newSecret: () => randomBytes(16).toString('hex'),
    signIn,
    port,
    openAt,
    outside: {
      count: async () => (await tokens()).length,
      has: async name => (await tokens()).some(({ note }) => note === name),
      async drop(principal) {
        for (const { id, note } of await tokens())
          if (note === principal) await asOracle('DELETE', `/users/desk/tokens/${id}`)
      },
      async seenAs(_, secret) {
        const { token_id: id } = (await ask(secret, 'GET', '/user')) as { token_id: string }
        return (await tokens()).find(each => each.id === id)?.note ?? ''
      },
      async expireAdmin() {
        credential = 'nobody-made-this'
        return async () => void (credential = given('ADMIN'))
      },
    },
    notApplicable: {
      'narrowing a grant narrows what is open under it':
        'a token keeps the scopes it was made with',
      'a rights holder is removed, twice if asked, and looked for': rights,
      'without its grant nothing is issued': rights,
      'a held credential is cut off and refused, a released one works again':
        'JupyterHub can not hold a token',
      'a secret that its holder changed is noticed, is not renewed, and ends':
        'JupyterHub makes the token, and nobody can choose another',
      'what stays behind is named until others take it away': 'a file does not declare that',
      'a command that arrives after recovery looked makes nothing': unlocked,
      'a look waits for a creation that is under way': unlocked,
      'what was made and never confirmed is not called gone while it can live':
        'what was made is found by its name, confirmed or not',
      'more than a page is listed whole, each thing once, and on from any page':
        'JupyterHub lists all tokens of a user in one answer',
      'a target that has had too much is asked again when it says, and no later': real,
      'a failure after it was made is no lease, and what was made is not called gone': real,
      'a failure after it was ended is no proof, and the next look is': real,
      'what says that it ended and stays is still there': real,
      'what ends 30 seconds late, on either path, is still there until it is gone': real,
      'an admin credential that lost a right issues nothing, and says which': real,
    },
    close: async () => {
      await target.close()
      for (const { id } of await tokens()) await asOracle('DELETE', `/users/desk/tokens/${id}`)
    },
  }
}

describe.skipIf(process.env['LEASEHOLD_JUPYTERHUB_URL'] === undefined)('JupyterHub', () => {
  targetKit('jupyterhub', hubFixture)
})

test('its file says what a lease of it is', () => {
  const settings = { user: 'desk' }
  const config = { file: fileOf('jupyterhub'), url, credential: 'x', settings }
  const { describe: say } = declaredConnector.open(
    declaredConnector.parseConfig(config),
    systemClock,
  )
  expect(say()).toMatchObject({ canHold: false, canRenew: true, longestSeconds: 86_340 })
})
