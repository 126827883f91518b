/**
 * Snowflake as a target: rights lie in a role of each grant, a lease is a service user with that role
 * and a programmatic access token. Recipe and limits: docs/connectors/snowflake.md.
 */
import type { Clock } from '../../src/core/base/time.ts'
import type { Connector, Target } from '../../src/core/target/target.ts'
import { openAccount } from './account.ts'
import { parseConfig, parseObject, type SnowflakeConfig } from './config.ts'
import { ensureHolder, removeHolder, verifyHolderGone } from './holder.ts'
import { inventory } from './inventory.ts'
import { end, hold, issue, lifeSeconds, release, renew } from './lease.ts'
import { preflight } from './preflight.ts'
import { openProbe } from './probe.ts'
import { paths, verifyGone } from './verify.ts'

export const snowflakeConnector: Connector = {
  kind: 'snowflake',
  parseConfig,
  addressOf: config => new URL(parseConfig(config).url).host,
  parseObject,
  open: (config, clock) => open(parseConfig(config), clock),
}

/** Between the intent of a lease and its token. */
const marginSeconds = 60

function open(config: SnowflakeConfig, clock: Pick<Clock, 'now'>): Target {
  const own = openAccount(config, clock)
  const account = { ...own, ...openProbe(own) }
  return {
    describe: () => ({
      connector: 'snowflake',
      paths,
      canRenew: true,
      canHold: true,
      diesByItself: false,
      longestSeconds: lifeSeconds - marginSeconds,
    }),
    preflight: signal => preflight(account, signal),
    ensureHolder: (order, signal) => ensureHolder(account, order, signal),
    issue: (order, signal) => issue(account, order, signal),
    renew: (order, signal) => renew(account, order, signal),
    hold: (principal, signal) => hold(account, principal, signal),
    release: (principal, signal) => release(account, principal, signal),
    end: (order, signal) => end(account, order, signal),
    verifyGone: (order, signal) => verifyGone(account, order, signal),
    removeHolder: (holder, signal) => removeHolder(account, holder, signal),
    verifyHolderGone: (holder, signal) => verifyHolderGone(account, holder, signal),
    inventory: (cursor, signal) => inventory(account, cursor, signal),
    close: () => account.close(),
  }
}
