/** Notion for the kit: the pretend one, with a public connection, on a clock turned by hand. */
import { randomBytes } from 'node:crypto'
import { notionConnector } from '../../../connectors/notion/notion.ts'
import { bot, startFakeNotion } from '../../fakes/notion.ts'
import { handClock } from '../clock.ts'
import type { KitFixture } from './kit.ts'
import { nobodySignsIn, throughGateway } from './through-gateway.ts'
import { tooMany } from './too-many.ts'

export async function notionFixture(): Promise<KitFixture> {
  const clock = handClock()
  const notion = await startFakeNotion(clock, 'public')
  const openAt = (port: number) => {
    const written = { connection: 'public', ...notion.config, url: `http://127.0.0.1:${port}` }
    return notionConnector.open(notionConnector.parseConfig(written), clock)
  }
  const port = Number(new URL(notion.url).port)
  const target = openAt(port)
  const rule = (ask: string) => ({ rules: [{ ask, action: 'read' }] })
  return {
    connector: notionConnector,
    target,
    clock,
    pass: ms => clock.advance(ms),
    traits: ['hand', 'keyless'],
    asks: { object: rule('POST /v1/search'), actions: ['read'], columns: [] },
    allowed: ['POST /v1/search', 'GET /v1/users'],
    forbidden: 'POST /v1/oauth/revoke',
    badObjects: [
      { connection: 'yes' },
      { connection: false },
      { rules: [{ ask: 'GET /v1/x', action: 'everything' }] },
      ...['GET /a b', 'GET /a?b', 'GET a', 'get /a', 'GET /a#b', 'GET \\a'].map(rule),
    ],
    newSecret: () => randomBytes(24).toString('hex'),
    signIn: nobodySignsIn,
    port,
    openAt,
    outside: {
      // The connection is nobody's lease.
      count: async () => 0,
      async plant(count) {
        const before = notion.users
        const owner = { type: 'workspace', workspace: true }
        notion.users = [...before, ...Array.from({ length: count }, (_, i) => bot(`b${i}`, owner))]
        return async () => void (notion.users = before)
      },
      tooMuch: async seconds => tooMany(notion, seconds),
    },
    notApplicable: throughGateway,
    async close() {
      await target.close()
      await notion.close()
    },
  }
}
