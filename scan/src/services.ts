/** Slack, Notion and Snowflake: the connectors' own lists, asked through the one way out. */
import { openNotion } from '../../connectors/notion/api.ts'
import type { NotionConfig } from '../../connectors/notion/config.ts'
import {
  never as neverOfNotion,
  openLists as openNotionLists,
} from '../../connectors/notion/inventory.ts'
import { readLists, textOf } from '../../connectors/rest/lists.ts'
import { openSlack } from '../../connectors/slack/api.ts'
import type { SlackConfig } from '../../connectors/slack/config.ts'
import {
  never as neverOfSlack,
  openLists as openSlackLists,
} from '../../connectors/slack/inventory.ts'
import { openAccount } from '../../connectors/snowflake/account.ts'
import type { SnowflakeConfig } from '../../connectors/snowflake/config.ts'
import { inventory as snowflakeInventory } from '../../connectors/snowflake/inventory.ts'
import { isObject } from '../../src/core/base/json.ts'
import { sourceOf } from './inventory.ts'
import { type Going, isReading, openWay, type Reads } from './outgoing.ts'
import type { Source } from './source.ts'

/** Twenty a minute of most of Slack's lists; three a second of Notion; Snowflake names no number. */
const gaps = { slack: 3_000, notion: 340, snowflake: 50 }

export function openSlackSource(token: string, url: string, going: Going): Source {
  const name = 'slack'
  const via = openWay({ system: name, reads: slackReads, gapMs: gaps.slack }, going)
  return sourceOf(name, going, async signal => {
    // A person's token shows what an admin is shown; a bot's the bots alone.
    const admin = token.startsWith('xoxp-') ? { adminToken: token } : {}
    const about = { botToken: token, ...admin, url, plan: 'standard' as const }
    const who = openSlack(about, via)
    const own = who.agreed(await who.call({ as: token, method: 'auth.test' }, signal), 'auth.test')
    const enterpriseId = textOf(own['enterprise_id'])
    const config: SlackConfig =
      enterpriseId === '' ? about : { ...about, plan: 'enterprise', enterpriseId }
    const lists = openSlackLists(openSlack(config, via))
    return { page: cursor => readLists({ lists, never: neverOfSlack }, cursor, signal) }
  })
}

/** INVARIANT: by name. Slack takes GET for what changes things as well. */
export const slackReads: Reads = (method, { pathname }) => {
  const asked = pathname.replace(/^\/api\//, '')
  const isRead = /^(auth\.test|users\.list|team\.integrationLogs)$/.test(asked)
  const isApps = /^admin\.apps\.(approved|restricted)\.list$/.test(asked)
  return method === 'GET' && (isRead || isApps) ? `GET ${asked}` : undefined
}

export function openNotionSource(config: NotionConfig, going: Going): Source {
  const name = 'notion'
  const via = openWay({ system: name, reads: notionReads, gapMs: gaps.notion }, going)
  return sourceOf(name, going, signal => {
    const lists = openNotionLists(openNotion(config, via))
    return { page: cursor => readLists({ lists, never: neverOfNotion }, cursor, signal) }
  })
}

/** INVARIANT: nothing but GET leaves for Notion. */
export const notionReads: Reads = (method, { pathname }) =>
  method === 'GET' ? `GET ${pathname.replace(/\/spaces\/[^/]+/, '/spaces/{space}')}` : undefined

export function openSnowflakeSource(name: string, config: SnowflakeConfig, going: Going): Source {
  const via = openWay({ system: name, reads: snowflakeReads, gapMs: gaps.snowflake }, going)
  return sourceOf(name, going, signal => {
    const account = openAccount(config, going.clock, via)
    // Which tokens, keys and workloads there are is asked of each user.
    return { page: cursor => snowflakeInventory(account, cursor, signal) }
  })
}

/** INVARIANT: what is sent is one statement that shows something, or a later part of its answer. */
export const snowflakeReads: Reads = (method, { pathname }, body) => {
  const at = pathname.replace(/\/statements\/[^/]+/, '/statements/{handle}')
  if (method === 'GET' && at === '/api/v2/statements/{handle}') return `GET ${at}`
  if (method !== 'POST' || at !== '/api/v2/statements') return undefined
  const statement = statementIn(body)
  const [verb = '', noun = ''] = statement.split(/\s+/)
  return isReading(statement) ? `POST ${at}: ${`${verb} ${noun}`.toUpperCase()} …` : undefined
}

function statementIn(body: string): string {
  const sent: unknown = JSON.parse(body)
  const statement = isObject(sent) ? sent['statement'] : ''
  return typeof statement === 'string' ? statement : ''
}
