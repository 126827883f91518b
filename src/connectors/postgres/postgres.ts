/**
 * PostgreSQL as a target: rights live in roles nobody signs in as, a lease is a login role that is a
 * member of one. Recipe and limits: docs/connectors/postgres.md.
 */

import type { Json } from '../../core/base/json.ts'
import type { Clock } from '../../core/base/time.ts'
import type { Connector, Target } from '../../core/target/target.ts'
import { bounds } from './bounds.ts'
import { parseConfig, parseTable } from './config.ts'
import { end } from './end.ts'
import { ensureHolder, removeHolder, verifyHolderGone } from './holder.ts'
import { inventory } from './inventory.ts'
import { issue, renew } from './issue.ts'
import { openLinks } from './links.ts'
import { pass } from './pass.ts'
import { preflight } from './preflight.ts'
import { hold, release } from './stop.ts'
import { checkIntact, paths, verifyGone } from './verify.ts'

export const postgresConnector: Connector = {
  kind: 'postgres',
  parseConfig,
  addressOf: config => {
    const { host, port, database } = parseConfig(config)
    const shown = host.includes(':') ? `[${host}]` : host
    return `postgres://${shown}:${port}/${encodeURIComponent(database)}`
  },
  parseObject: parseTable,
  open,
}

function open(config: Json, clock: Pick<Clock, 'now'>): Target {
  const links = openLinks(parseConfig(config))
  return {
    describe: () => ({
      connector: 'postgres',
      paths,
      canRenew: true,
      canHold: true,
      diesByItself: true,
      hasGateway: true,
      callsAtOnce: bounds.targetConnections,
    }),
    preflight: signal => preflight(links, clock, signal),
    ensureHolder: (order, signal) => ensureHolder(links, order, signal),
    issue: (order, signal) => issue(links, order, signal),
    renew: (order, signal) => renew(links, order, signal),
    checkIntact: (order, signal) => checkIntact(links, order, signal),
    pass: passage => pass(links, passage),
    hold: (principal, signal) => hold(links, principal, signal),
    release: (principal, signal) => release(links, principal, signal),
    end: (order, signal) => end(links, order, signal),
    verifyGone: (order, signal) => verifyGone(links, clock, order, signal),
    removeHolder: (holder, signal) => removeHolder(links, holder, signal),
    verifyHolderGone: (holder, signal) => verifyHolderGone(links, clock, holder, signal),
    inventory: (cursor, signal) => inventory(links, cursor, signal),
    close: () => links.close(),
  }
}
