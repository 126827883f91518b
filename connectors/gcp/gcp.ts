/**
 * Google Cloud as a target: a lease is a service account of its own, with the rights of its grant for an
 * hour, and an access token of it. Recipe and limits: docs/connectors/gcp.md.
 */
import type { Clock } from '../../src/core/base/time.ts'
import type { Connector, Target } from '../../src/core/target/target.ts'
import type { Federation } from '../rest/federation.ts'
import { lifeSeconds, openCloud } from './cloud.ts'
import { type GcpConfig, parseConfig, parseObject } from './config.ts'
import { ensureHolder, removeHolder, verifyHolderGone } from './holder.ts'
import { inventory } from './inventory.ts'
import { end, hold, issue, release, renew } from './lease.ts'
import { openPolicies } from './policy.ts'
import { preflight } from './preflight.ts'
import { paths, verifyGone } from './verify.ts'

/** `federation`: our issuer, for those who connect Google Cloud without a key. */
export function gcpConnector(federation?: Federation): Connector {
  return {
    kind: 'gcp',
    parseConfig,
    addressOf: config => {
      const { url, project } = parseConfig(config)
      return `${url === undefined ? 'googleapis.com' : new URL(url).host}/${project}`
    },
    parseObject,
    open: (config, clock) => open(parseConfig(config), clock, federation),
  }
}

/** Between the intent of a lease and its token. */
const marginSeconds = 60

function open(config: GcpConfig, clock: Pick<Clock, 'now'>, federation?: Federation): Target {
  const own = openCloud(config, clock, federation)
  const cloud = { ...own, ...openPolicies(own) }
  return {
    describe: () => ({
      connector: 'gcp',
      paths,
      canRenew: true,
      canHold: true,
      diesByItself: false,
      longestSeconds: lifeSeconds - marginSeconds,
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
