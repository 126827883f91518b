/**
 * The systems an app's access hides in, pretended on loopback; each keeps its own list of what exists. How
 * each is connected, and one thing there that can be asked for.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../src/core/base/time.ts'
import { startFakeAzure } from '../fakes/azure.ts'
import { startFakeGcp } from '../fakes/gcp.ts'
import { startFakeGithub } from '../fakes/github.ts'
import { startFakeNotion } from '../fakes/notion.ts'
import { startFakeSlack } from '../fakes/slack.ts'
import { startFakeSnowflake } from '../fakes/snowflake.ts'
import { startWebTarget } from '../fakes/web-target.ts'
import type { LeapingClock } from './clock.ts'
import { startAwsByThePage } from './kit/aws.ts'

/** Through our gateway, so also for work nobody watches; the others hand over a credential of their own. */
export const gated = ['code', 'chat', 'pages', 'model']
export const handed = ['bucket', 'files', 'group', 'facts']
/** The whole of Notion's internal connection: no API ends it. */
export const whole = 'notes'

/** What a system is called there: by its connector, or what it stands for. */
export const slugOf = (connector: string) => (connector === 'http' ? 'model-vendor' : connector)

export type PretendSystems = Awaited<ReturnType<typeof startPretendSystems<LeapingClock>>>

export async function startPretendSystems<C extends Clock>(clock: C) {
  const github = await startFakeGithub(clock)
  const aws = await startAwsByThePage(clock)
  const gcp = await startFakeGcp(clock)
  const azure = await startFakeAzure(clock)
  const slack = await startFakeSlack(clock)
  const notion = await startFakeNotion(clock, 'internal')
  const snowflake = await startFakeSnowflake(clock)
  const model = await startWebTarget(randomBytes(20).toString('base64url'))
  const { token, probeToken, url } = notion.config
  const credential = { header: 'authorization', value: `Bearer ${model.key}` }
  const group = {
    subscription: azure.subscription,
    resourceGroup: 'deals',
    roles: { read: ['Reader'] },
  }
  const repository = {
    repository: 'acme/deal-desk',
    id: 1001,
    permissions: { read: { contents: 'read' } },
  }
  const places = [
    ['github', github.config, 'code', repository],
    ['slack', slack.config, 'chat', {}],
    ['notion', { connection: 'internal', token, probeToken, url }, 'pages', {}],
    ['http', { url: model.url, credential }, 'model', {}],
    ['aws', aws.config, 'bucket', { service: 's3', resources: ['arn:aws:s3:::acme-deals/*'] }],
    ['gcp', gcp.config, 'files', { bucket: 'acme-deals' }],
    ['azure', azure.config, 'group', group],
    ['snowflake', snowflake.config, 'facts', { database: 'SALES', schema: 'CRM', table: 'DEALS' }],
  ] as const
  return {
    github,
    aws,
    gcp,
    azure,
    slack,
    notion,
    snowflake,
    model,
    clock,
    places,
    /** What of ours still lets somebody in, by the systems' own lists; one text each. */
    living: () =>
      [github, aws, gcp, azure].flatMap(each => [...each.living()].map(one => JSON.stringify(one))),
    async close() {
      for (const each of [github, aws, gcp, azure, slack, notion, snowflake]) await each.close()
      await model.close()
    },
  }
}
