/**
 * A system nobody foresaw, by one file that says how its credentials are made, listed, tried and ended:
 * docs/connectors/declared.md. What the file does not declare is not claimed.
 */

import { Problem } from '../../src/core/base/problem.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type { Connector, Description, Target, Upstream } from '../../src/core/target/target.ts'
import { classOfRequest } from '../rest/classes.ts'
import { ourName } from '../rest/names.ts'
import { presets, rulesOf } from '../rest/presets.ts'
import { type DeclaredConfig, parseConfig, parseObject } from './config.ts'
import { fillHeader } from './fill.ts'
import { end, ensureRights, hold, issue, marginSeconds, renew } from './lease.ts'
import { tellsItsEnd } from './order.ts'
import { preflight } from './preflight.ts'
import { isNamed } from './sense.ts'
import { openSystem, type System, valuesOfSecret } from './system.ts'
import { inventory } from './things.ts'
import { pathsOf, verifyGone } from './verify.ts'

export const declaredConnector: Connector = {
  kind: 'declared',
  parseConfig,
  addressOf: config => {
    const { file, url } = parseConfig(config)
    return `${file.system} at ${new URL(url).host}`
  },
  parseObject,
  open: (config, clock) => open(parseConfig(config), clock),
}

function open(config: DeclaredConfig, clock: Pick<Clock, 'now'>): Target {
  const system = openSystem(config, clock)
  const { gateway } = config.file
  return {
    describe: () => describe(system),
    ...(gateway !== undefined && { upstream: upstreamOf(system) }),
    preflight: signal => preflight(system, signal),
    ensureHolder: (order, signal) => ensureRights(system, order, signal),
    issue: (order, signal) => issue(system, order, signal),
    renew: (order, signal) => renew(system, order, signal),
    hold: (principal, signal) => hold(system, { principal, verb: 'hold' }, signal),
    release: (principal, signal) => hold(system, { principal, verb: 'release' }, signal),
    end: (order, signal) => end(system, order, signal),
    verifyGone: (order, signal) => verifyGone(system, order, signal),
    // Rights are in each credential: nothing else holds them, so nothing else can be left.
    removeHolder: async holder => void ourName(holder),
    verifyHolderGone: async holder => {
      ourName(holder)
      return { listed: 'absent', residue: [], at: clock.now() }
    },
    inventory: (cursor, signal) => inventory(system, cursor, signal),
    close: async () => {},
  }
}

/** Computed from what is declared, and from nothing else. */
function describe({ file }: System): Description {
  const { limits = {}, renew: call, hold: stop, list, gateway } = file
  const { lifeSeconds, callsAtOnce } = limits
  return {
    connector: 'declared',
    paths: pathsOf(file),
    canRenew: call !== undefined || !tellsItsEnd(file),
    canHold: stop !== undefined,
    diesByItself: tellsItsEnd(file),
    ...(lifeSeconds !== undefined && { longestSeconds: lifeSeconds - marginSeconds }),
    ...(!(isNamed(file) && list?.item.name !== undefined) && { isNameless: true }),
    ...(gateway !== undefined && { hasGateway: true }),
    ...(callsAtOnce !== undefined && { callsAtOnce }),
  }
}

/** INVARIANT: what a caller asks is asked with the credential of its lease, never with ours. */
function upstreamOf({ base, file }: System): Upstream {
  const { preset, rules: own = [] } = file.gateway ?? {}
  const root = base.pathname.replace(/\/$/, '')
  const known = rulesOf(preset && presets[preset])
  const rules = [...own.map(({ ask, action }) => [ask, action] as const), ...known]
  const none = async () => {
    throw new Problem('target-refused', { detail: 'Each lease has a credential of its own here.' })
  }
  return {
    url: base,
    speaks: 'http',
    credential: none,
    fetch: none,
    ofLease: secret => {
      const values = valuesOfSecret(secret)
      const sent = Object.entries(file.sent ?? {})
      return Object.fromEntries(sent.map(([name, text]) => [name, fillHeader(text, values)]))
    },
    classOf: (_, asked) =>
      classOfRequest(rules, asked.replace(/\?.*/s, '').replace(` ${root}/`, ' /')),
  }
}
