/**
 * Redis as a target: a lease is a user with rules for keys that begin so, its grant a user nobody signs
 * in as. Recipe and limits: docs/connectors/redis.md.
 */
import type { Json } from '../../src/core/base/json.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type { Connector, Target } from '../../src/core/target/target.ts'
import { ownPassword } from '../rest/own-credential.ts'
import { parseConfig, parseKeys } from './config.ts'
import { inventory } from './inventory.ts'
import { bounds, openCall } from './links.ts'
import { preflight } from './preflight.ts'
import * as users from './users.ts'
import { checkIntact, paths, verifyGone } from './verify.ts'

export const redisConnector: Connector = {
  kind: 'redis',
  parseConfig,
  addressOf: config => {
    const { host, port } = parseConfig(config)
    return `redis://${host.includes(':') ? `[${host}]` : host}:${port}`
  },
  parseObject: input => ({ ...parseKeys(input) }),
  open,
}

function open(config: Json, clock: Pick<Clock, 'now'>): Target {
  const parsed = parseConfig(config)
  const during = (signal: AbortSignal) => openCall(parsed, clock, signal)
  return {
    describe: () => ({
      connector: 'redis',
      paths,
      canRenew: true,
      canHold: true,
      canRotate: true,
      diesByItself: false,
      callsAtOnce: bounds.callsAtOnce,
    }),
    preflight: signal => preflight(during(signal)),
    ensureHolder: (order, signal) => users.ensureHolder(during(signal), order),
    issue: (order, signal) => users.issue(during(signal), order),
    renew: (order, signal) => users.renew(during(signal), order),
    checkIntact: (order, signal) => checkIntact(during(signal), order),
    hold: (principal, signal) => users.hold(during(signal), principal),
    release: (principal, signal) => users.release(during(signal), principal),
    end: (order, signal) => users.end(during(signal), order),
    verifyGone: (order, signal) => verifyGone(during(signal), order),
    removeHolder: (holder, signal) => users.removeHolder(during(signal), holder),
    verifyHolderGone: (holder, signal) => users.verifyHolderGone(during(signal), holder),
    inventory: (cursor, signal) => inventory(during(signal), cursor),
    ...ownPassword(parsed, {
      parse: parseConfig,
      set: (password, signal) => users.setOwnPassword(during(signal), password),
      says: async (of, signal) => (await openCall(of, clock, signal).signIn(of)).says,
    }),
    close: async () => {},
  }
}
