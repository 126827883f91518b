/**
 * Slack, where no API makes a token for a task: the token of our app is the one credential, and a lease
 * lets its task through our gateway. A resource may be the whole app; that ends with its lease.
 */
import { readLists } from '../rest/lists.ts'
import { connectorOf, type OwnParts } from '../rest/whole.ts'
import { openSlack } from './api.ts'
import { appPaths, checkEndable, endApp, lookAtApp } from './app.ts'
import { parseConfig, parseObject, type SlackConfig } from './config.ts'
import { never, openLists } from './inventory.ts'
import { preflight } from './preflight.ts'

export const slackConnector = connectorOf('slack', { parseConfig, parseObject, partsOf })

function partsOf(config: SlackConfig): OwnParts {
  const slack = openSlack(config)
  const { botToken: token } = config
  const lists = openLists(slack)
  return {
    token,
    where: 'auth.test',
    paths: appPaths,
    isWhole: object => parseObject(object).app === true,
    whose: async signal => (await slack.whoIs(token, signal)).user,
    checkWhole: (user, signal) => checkEndable(slack, user, signal),
    endWhole: signal => endApp(slack, signal),
    look: (user, signal) => lookAtApp(slack, user, signal),
    preflight: signal => preflight(slack, signal),
    inventory: (cursor, signal) => readLists({ lists, never }, cursor, signal),
    // ATTACKER: a path that Slack takes for one method, and our rules for another.
    isOffered: path => /^\/api\/[a-zA-Z0-9.]+$/.test(path),
  }
}
