/**
 * Amazon Web Services as a target: rights lie in a role of each grant, a lease is one session of it.
 * Recipe and limits: docs/connectors/aws.md. The SDK is large, so who connects no account never reads it.
 */
import type { Connector, Target } from '../../src/core/target/target.ts'
import type { Federation } from '../rest/federation.ts'
import type { Opening } from './account.ts'
import { accountOf, parseConfig, parseObject } from './config.ts'
import type { Opened } from './open.ts'
import { lifeSeconds, marginSeconds, paths } from './policy.ts'
import { refused } from './trouble.ts'

/** Without our issuer an account is connected by the access key of a user. */
export function awsConnector(federation?: Federation): Connector {
  return {
    kind: 'aws',
    parseConfig,
    addressOf: config => {
      const parsed = parseConfig(config)
      const { partition, account } = accountOf(parsed)
      return `${partition}/${account}${parsed.path}`
    },
    parseObject,
    open: (config, clock) => open({ config: parseConfig(config), clock, federation }),
  }
}

function open(opening: Opening): Target {
  let opened: Promise<Opened> | undefined
  const it = () => {
    opened ??= import('./open.ts').then(({ openTarget }) => openTarget(opening))
    return opened
  }
  return {
    describe: () => ({
      connector: 'aws',
      paths,
      canRenew: true,
      canHold: false,
      diesByItself: false,
      longestSeconds: lifeSeconds - marginSeconds,
      isNameless: true,
    }),
    preflight: async signal => (await it()).preflight(signal),
    ensureHolder: async (order, signal) => (await it()).ensureHolder(order, signal),
    issue: async (order, signal) => (await it()).issue(order, signal),
    renew: async (order, signal) => (await it()).renew(order, signal),
    hold: unheld,
    release: unheld,
    end: async (order, signal) => (await it()).end(order, signal),
    verifyGone: async (order, signal) => (await it()).verifyGone(order, signal),
    removeHolder: async (holder, signal) => (await it()).removeHolder(holder, signal),
    verifyHolderGone: async (holder, signal) => (await it()).verifyHolderGone(holder, signal),
    inventory: async (cursor, signal) => (await it()).inventory(cursor, signal),
    close: async () => (await opened)?.close(),
  }
}

/** A name alone does not say which role's session it is. */
async function unheld(): Promise<never> {
  throw refused('AWS can not hold a session.', 'End the lease.')
}
