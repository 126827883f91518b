/** Slack for the kit: the pretend one, on a clock turned by hand. */
import { randomBytes } from 'node:crypto'
import { slackConnector } from '../../../connectors/slack/slack.ts'
import { bot, startFakeSlack } from '../../fakes/slack.ts'
import { handClock } from '../clock.ts'
import type { KitFixture } from './kit.ts'
import { nobodySignsIn, throughGateway } from './through-gateway.ts'
import { tooMany } from './too-many.ts'

export async function slackFixture(): Promise<KitFixture> {
  const clock = handClock()
  const slack = await startFakeSlack(clock)
  const openAt = (port: number) => {
    const url = `http://127.0.0.1:${port}`
    return slackConnector.open(slackConnector.parseConfig({ ...slack.config, url }), clock)
  }
  const port = Number(new URL(slack.url).port)
  const target = openAt(port)
  const rule = (ask: string) => ({ rules: [{ ask, action: 'read' }] })
  return {
    connector: slackConnector,
    target,
    clock,
    pass: ms => clock.advance(ms),
    traits: ['hand', 'keyless'],
    asks: { object: rule('GET /api/team.info'), actions: ['read'], columns: [] },
    allowed: ['GET /api/users.list', 'GET /api/auth.test'],
    forbidden: 'GET /api/auth.revoke',
    badObjects: [
      { app: 'yes' },
      { app: false },
      { rules: [{ ask: 'GET /api/x', action: 'everything' }] },
      ...['GET /a b', 'GET /a?b', 'GET a', 'get /a', 'GET /a#b', 'GET \\a'].map(rule),
    ],
    newSecret: () => randomBytes(24).toString('hex'),
    signIn: nobodySignsIn,
    port,
    openAt,
    outside: {
      // The app is nobody's lease.
      count: async () => 0,
      async plant(count) {
        const before = slack.users
        slack.users = [...before]
        for (let i = 0; i < count; i++) slack.users.push(bot(`U1BOT${i}`, `A1APP${i}`))
        return async () => void (slack.users = before)
      },
      tooMuch: async seconds => tooMany(slack, seconds),
    },
    notApplicable: throughGateway,
    async close() {
      await target.close()
      await slack.close()
      if (slack.breaches.length > 0) throw new Error(slack.breaches.join('\n'))
    },
  }
}
