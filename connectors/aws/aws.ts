/**
 * Amazon Web Services as a target: rights lie in a role of each grant, a lease is one session of it.
 * Recipe and limits: docs/connectors/aws.md.
 */
import type { Clock } from '../../src/core/base/time.ts'
import type { Connector, Target } from '../../src/core/target/target.ts'
import type { Federation } from '../rest/federation.ts'
import { openAccount } from './account.ts'
import { type AwsConfig, accountOf, parseConfig, parseObject } from './config.ts'
import { openEnds } from './ends.ts'
import { ensureHolder, lifeSeconds, removeHolder, verifyHolderGone } from './holder.ts'
import { inventory } from './inventory.ts'
import { preflight } from './preflight.ts'
import { end, issue, marginSeconds, renew } from './session.ts'
import { refused } from './trouble.ts'
import { openProbes, paths, verifyGone } from './verify.ts'

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
    open: (config, clock) => open(parseConfig(config), clock, federation),
  }
}

function open(
  config: AwsConfig,
  clock: Pick<Clock, 'now'>,
  federation: Federation | undefined,
): Target {
  const account = openAccount({ config, clock, federation })
  const looking = { account, ends: openEnds(account), probes: openProbes(account) }
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
    preflight: signal => preflight(looking, signal),
    ensureHolder: (order, signal) => ensureHolder(account, order, signal),
    issue: (order, signal) => issue(account, order, signal),
    renew: (order, signal) => renew(account, order, signal),
    hold: unheld,
    release: unheld,
    end: (order, signal) => end(looking, order, signal),
    verifyGone: (order, signal) => verifyGone(looking, order, signal),
    removeHolder: (holder, signal) => removeHolder(account, holder, signal),
    verifyHolderGone: (holder, signal) => verifyHolderGone(account, holder, signal),
    inventory: (cursor, signal) => inventory(account, cursor, signal),
    close: () => account.close(),
  }
}

/** A name alone does not say which role's session it is. */
async function unheld(): Promise<never> {
  throw refused('AWS can not hold a session.', 'End the lease.')
}
