/**
 * Azure and Entra ID as a target: a lease is an application of its own, with the roles of its grant, and
 * one access token of it. Recipe and limits: docs/connectors/azure.md.
 */
import type { Clock } from '../../src/core/base/time.ts'
import type { Connector, Target } from '../../src/core/target/target.ts'
import type { Federation } from '../rest/federation.ts'
import { openCloud } from './cloud.ts'
import { type AzureConfig, parseConfig, parseObject } from './config.ts'
import { ensureHolder, removeHolder, verifyHolderGone } from './holder.ts'
import { inventory } from './inventory.ts'
import { end, hold, issue, release, renew } from './lease.ts'
import { preflight } from './preflight.ts'
import { paths, verifyGone } from './verify.ts'

/** Entra lets a token live for an hour at least; less a minute between the intent of a lease and its token. */
const longestSeconds = 3540

/** `federation`: our issuer, for those who connect Azure without a secret. */
export function azureConnector(federation?: Federation): Connector {
  return {
    kind: 'azure',
    parseConfig,
    addressOf: config => {
      const { url, tenant } = parseConfig(config)
      return `${url === undefined ? 'management.azure.com' : new URL(url).host}/${tenant}`
    },
    parseObject,
    open: (config, clock) => open(parseConfig(config), clock, federation),
  }
}

function open(config: AzureConfig, clock: Pick<Clock, 'now'>, federation?: Federation): Target {
  const cloud = openCloud(config, clock, federation)
  return {
    describe: () => ({
      connector: 'azure',
      paths,
      canRenew: true,
      canHold: true,
      diesByItself: false,
      longestSeconds,
      callsAtOnce: 8,
    }),
    preflight: signal => preflight(cloud, signal),
    ensureHolder: (order, signal) => ensureHolder(cloud, order, signal),
    issue: (order, signal) => issue(cloud, order, signal),
    renew: (order, signal) => renew(cloud, order, signal),
    hold: (principal, signal) => hold(cloud, principal, signal),
    release: (principal, signal) => release(cloud, principal, signal),
    end: (order, signal) => end(cloud, order, signal),
    verifyGone: (order, signal) => verifyGone(cloud, order, signal),
    removeHolder: (holder, signal) => removeHolder(cloud, holder, signal),
    verifyHolderGone: (holder, signal) => verifyHolderGone(cloud, holder, signal),
    inventory: (cursor, signal) => inventory(cloud, cursor, signal),
    close: async () => {},
  }
}
