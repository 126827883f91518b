/**
 * Notion, where no API makes a token for a task: the token of our connection is the one credential, and
 * a lease lets its task through our gateway. A resource may be the whole connection; that ends with its
 * lease where Notion has an API for it, and by a person's hand where it has none.
 */
import { readLists } from '../rest/lists.ts'
import { connectorOf, type OwnParts } from '../rest/whole.ts'
import { botOf, openNotion } from './api.ts'
import { type NotionConfig, parseConfig, parseObject } from './config.ts'
import { checkListed, connectionPaths, endConnection, lookAtConnection } from './connection.ts'
import { never, openLists } from './inventory.ts'
import { preflight } from './preflight.ts'

export const notionConnector = connectorOf('notion', { parseConfig, parseObject, partsOf })

function partsOf(config: NotionConfig): OwnParts {
  const notion = openNotion(config)
  const { token } = config
  const lists = openLists(notion)
  return {
    token,
    where: 'users/me',
    paths: connectionPaths,
    isWhole: object => parseObject(object).connection === true,
    whose: signal => botOf(notion, token, signal),
    checkWhole: (bot, signal) => checkListed(notion, bot, signal),
    endWhole: signal => endConnection(notion, signal),
    look: (bot, signal) => lookAtConnection(notion, bot, signal),
    preflight: signal => preflight(notion, signal),
    inventory: (cursor, signal) => readLists({ lists, never }, cursor, signal),
  }
}
