/**
 * MariaDB as a target: rights live in roles nobody signs in as, a lease is an account that is a member
 * of one. Recipe and limits: docs/connectors/mysql.md. Not MySQL, though it speaks the same protocol:
 * the preflight says why.
 */
import type { Json } from '../../src/core/base/json.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type { Connector, Target } from '../../src/core/target/target.ts'
import { ownPassword } from '../rest/own-credential.ts'
import { bounds } from './bounds.ts'
import { parseConfig, parseTable } from './config.ts'
import { end, hold, release } from './end.ts'
import { ensureHolder, removeHolder, verifyHolderGone } from './holder.ts'
import { inventory } from './inventory.ts'
import { issue, nativeHash, renew } from './issue.ts'
import { openCall } from './links.ts'
import { preflight } from './preflight.ts'
import { checkIntact, paths, verifyGone } from './verify.ts'

export const mysqlConnector: Connector = {
  kind: 'mysql',
  parseConfig,
  addressOf: config => {
    const { host, port } = parseConfig(config)
    return `mysql://${host.includes(':') ? `[${host}]` : host}:${port}`
  },
  parseObject: parseTable,
  open,
}

function open(config: Json, clock: Pick<Clock, 'now'>): Target {
  const parsed = parseConfig(config)
  const during = (signal: AbortSignal) => openCall(parsed, clock, signal)
  return {
    describe: () => ({
      connector: 'mysql',
      paths,
      canRenew: true,
      canHold: true,
      canRotate: true,
      diesByItself: false,
      callsAtOnce: bounds.callsAtOnce,
    }),
    preflight: signal => preflight(during(signal)),
    ensureHolder: (order, signal) => ensureHolder(during(signal), order),
    issue: (order, signal) => issue(during(signal), order),
    renew: (order, signal) => renew(during(signal), order),
    checkIntact: (order, signal) => checkIntact(during(signal), order),
    hold: (principal, signal) => hold(during(signal), principal),
    release: (principal, signal) => release(during(signal), principal),
    end: (order, signal) => end(during(signal), order),
    verifyGone: (order, signal) => verifyGone(during(signal), order),
    removeHolder: (holder, signal) => removeHolder(during(signal), holder),
    verifyHolderGone: (holder, signal) => verifyHolderGone(during(signal), holder),
    inventory: (cursor, signal) => inventory(during(signal), cursor),
    ...ownPassword(parsed, {
      parse: parseConfig,
      // Of the account that is signed in: that needs no right.
      set: (to, signal) => during(signal).use(sql => sql(`set password = '${nativeHash(to)}'`)),
      says: async (of, signal) => (await openCall(of, clock, signal).signIn(of)).says,
    }),
    close: async () => {},
  }
}
