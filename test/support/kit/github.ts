/** GitHub for the kit: the pretend one, on a clock turned by hand. */
import { randomBytes } from 'node:crypto'
import { githubConnector } from '../../../connectors/github/github.ts'
import type { Issued } from '../../../src/core/target/target.ts'
import type { Fault } from '../../fakes/github/state.ts'
import { hashOf } from '../../fakes/github/state.ts'
import { type FakeGithub, startFakeGithub } from '../../fakes/github.ts'
import { handClock } from '../clock.ts'
import type { KitFixture, KitOutside, KitSession } from './kit.ts'

const rights = 'rights are in each token; nothing else there holds them'
const unlisted = 'GitHub lists no tokens; none of our names reaches it'

export async function githubFixture(): Promise<KitFixture> {
  const clock = handClock()
  const github = await startFakeGithub(clock)
  const { config } = github
  const openAt = (port: number) => {
    const url = `http://127.0.0.1:${port}`
    return githubConnector.open(githubConnector.parseConfig({ ...config, url }), clock)
  }
  const port = Number(new URL(github.url).port)
  const target = openAt(port)
  const object = { repository: 'acme/deal-desk', permissions: { read: { contents: 'read' } } }
  return {
    connector: githubConnector,
    target,
    clock,
    pass: ms => clock.advance(ms),
    traits: ['mints', 'hand'],
    asks: { object, actions: ['read'], columns: [] },
    allowed: ['/repos/acme/deal-desk', '/repos/acme/deal-desk/branches'],
    forbidden: '/repos/acme/deal-desk/labels',
    badObjects: [
      null,
      {},
      ...['acme/../x', 'acme/a%2fb', 'аcme/x', 'acme', 'acme/x;rm -rf', 'acme/x\0'].map(
        repository => ({ ...object, repository }),
      ),
      { ...object, permissions: { read: { contents: 'write' } } },
    ],
    newSecret: () => `ghs_${randomBytes(18).toString('hex')}`,
    signIn: (issued, secret) => signIn(github, issued, secret),
    port,
    openAt,
    outside: outsideOf(github),
    notApplicable: {
      'narrowing a grant narrows what is open under it':
        'a token keeps the rights it was made with; less is for the next one',
      'a rights holder is removed, twice if asked, and looked for': rights,
      'without its grant nothing is issued': rights,
      'a held credential is cut off and refused, a released one works again':
        'GitHub can not hold a token',
      'a secret that its holder changed is noticed, is not renewed, and ends':
        'GitHub makes the token, and nobody can choose another',
      'what stays behind is named until others take it away':
        'GitHub does not say which token made a thing',
      'a command that arrives after recovery looked makes nothing':
        'GitHub can not be told a deadline: what is not confirmed stays unknown for its hour',
      'a look waits for a creation that is under way':
        'GitHub has no lock: what is not confirmed stays unknown for its hour',
      'everything of ours is listed by name, page by page, until it is gone': unlisted,
      'a name that is not of our form is refused by every verb': unlisted,
    },
    async close() {
      await target.close()
      await github.close()
      if (github.breaches.length > 0) throw new Error(github.breaches.join('\n'))
    },
  }
}

function outsideOf(github: FakeGithub): KitOutside {
  const heal = async () => {
    github.fault = () => undefined
    github.ending = 'honest'
  }
  const onPath = { first: 'rest', second: 'graph' } as const
  return {
    count: async () => github.living().filter(each => each.repositoryIds !== null).length,
    async drop(_, secret) {
      const token = github.tokens.get(secret)
      if (token !== undefined) token.endedAt = github.clock.now()
    },
    async seenAs(issued, secret) {
      const session = await signIn(github, issued, secret)
      await session.use('/repos/acme/deal-desk/branches')
      const by = hashOf(secret)
      return github.seen.findLast(each => each.by === by)?.by ?? ''
    },
    async plant(count) {
      github.installation.permissions['secrets'] = 'read'
      const [desk] = github.repositories
      if (desk) desk.secrets = Array.from({ length: count }, (_, i) => ({ name: `SECRET_${i}` }))
      return async () => {
        if (desk) desk.secrets = []
        delete github.installation.permissions['secrets']
      }
    },
    async tooMuch(seconds) {
      const headers = { 'retry-after': String(seconds) }
      const turns = new Map<string, number>()
      github.fault = asked => {
        const turn = (turns.get(asked) ?? 0) + 1
        turns.set(asked, turn)
        // Both of GitHub's ways to say so; each second time it is not too much.
        if (seconds === 0 && turn % 2 === 0) return undefined
        return { status: turn % 4 === 1 ? 403 : 429, headers }
      }
      return heal
    },
    async failAfter(verb) {
      const fault: Fault = { status: 500, isAfter: true }
      const what = verb === 'issue' ? /^POST .*access_tokens$/ : /^DELETE \/installation\/token$/
      github.fault = asked => (what.test(asked) ? fault : undefined)
      return heal
    },
    async lie() {
      github.ending = 'lies'
      return heal
    },
    async lag(ms, path) {
      github.ending = { ms, ...(path && { path: onPath[path] }) }
      return heal
    },
    async expireAdmin() {
      const { publicKey } = github
      github.publicKey = undefined
      return async () => void (github.publicKey = publicKey)
    },
    async narrowAdmin() {
      const { contents = 'read' } = github.installation.permissions
      delete github.installation.permissions['contents']
      return async () => void (github.installation.permissions['contents'] = contents)
    },
  }
}

/** As the holder of a token has it: each use is a request. */
async function signIn(github: FakeGithub, issued: Issued, secret: string): Promise<KitSession> {
  const use = async (path: string) => {
    const headers = { authorization: `Bearer ${secret}` }
    const answer = await fetch(`${issued.connect['url']}${path}`, { headers })
    const body: unknown = await answer.json()
    if (!answer.ok) throw new Error(`${github.organisation} answered ${answer.status}`)
    return body
  }
  await use('/installation/repositories')
  return { use, close: async () => {} }
}
