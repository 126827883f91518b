/**
 * PostgreSQL as a target: rights live in roles nobody signs in as, a lease is a login role that is a
 * member of one. Recipe and limits: docs/connectors/postgres.md.
 */

import type { Json } from '../../src/core/base/json.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type { Connector, Target } from '../../src/core/target/target.ts'
import { ownCredential, redrawn } from '../rest/own-credential.ts'
import { bounds } from './bounds.ts'
import { parseConfig, parseTable } from './config.ts'
import { end } from './end.ts'
import { endFound } from './foreign.ts'
import { ensureHolder, removeHolder, verifyHolderGone } from './holder.ts'
import { everyRole, inventory } from './inventory.ts'
import { issue, renew } from './issue.ts'
import { openLinks } from './links.ts'
import { setOwnPassword, tryOwn } from './own.ts'
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
  const parsed = parseConfig(config)
  const { during, close } = openLinks(parsed, clock)
  return {
    describe: () => ({
      connector: 'postgres',
      paths,
      canRenew: true,
      canHold: true,
      diesByItself: true,
      hasGateway: true,
      canRotate: true,
      callsAtOnce: bounds.targetConnections,
    }),
    preflight: signal => preflight(during(signal)),
    ensureHolder: (order, signal) => ensureHolder(during(signal), order),
    issue: (order, signal) => issue(during(signal), order),
    renew: (order, signal) => renew(during(signal), order),
    checkIntact: (order, signal) => checkIntact(during(signal), order),
    pass: passage => pass(parsed, passage),
    hold: (principal, signal) => hold(during(signal), principal),
    release: (principal, signal) => release(during(signal), principal),
    end: (order, signal) => end(during(signal), order),
    verifyGone: (order, signal) => verifyGone(during(signal), order),
    removeHolder: (holder, signal) => removeHolder(during(signal), holder),
    verifyHolderGone: (holder, signal) => verifyHolderGone(during(signal), holder),
    endFound: (thing, signal) => endFound(during(signal), thing),
    inventory: (cursor, signal, of) =>
      inventory(during(signal), cursor, of === 'all' ? everyRole : undefined),
    ...ownCredential({
      config: parsed,
      parse: parseConfig,
      draft: () => redrawn(parsed),
      set: (next, signal) => setOwnPassword(during(signal), next.password),
      says: (of, signal) => tryOwn(openLinks(of, clock).during(signal)),
    }),
    close,
  }
}
