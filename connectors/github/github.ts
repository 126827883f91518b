/**
 * GitHub, where a lease is a token of our App's installation: for one repository, with the permissions
 * of its grant, and dead after an hour whatever anybody does.
 */
import { Problem } from '../../src/core/base/problem.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type { Connector, Target, Upstream } from '../../src/core/target/target.ts'
import { classOfRequest } from '../rest/classes.ts'
import { presets, rulesOf } from '../rest/presets.ts'
import { openApp } from './app.ts'
import { type GithubConfig, parseConfig, parseObject } from './config.ts'
import { endingOf, endingPaths, endRepository } from './ending.ts'
import { inventory } from './inventory.ts'
import { ensureRights, issue, lifeSeconds, renew } from './lease.ts'
import { preflight } from './preflight.ts'
import { isToken } from './token.ts'
import { paths, verifyGone } from './verify.ts'

export const githubConnector: Connector = {
  kind: 'github',
  parseConfig,
  addressOf: config => {
    const { url, organisation } = parseConfig(config)
    return `${new URL(url).host}/${organisation}`
  },
  parseObject,
  open: (config, clock) => open(parseConfig(config), clock),
}

/** Between the intent of a lease and its token. */
const marginSeconds = 60

function open(config: GithubConfig, clock: Pick<Clock, 'now'>): Target {
  const app = openApp(config, clock)
  const nothing = async () => {}
  return {
    describe: () => ({
      connector: 'github',
      paths: [...paths, ...endingPaths.map(each => `of a repository that ends: ${each}`)],
      canRenew: true,
      canHold: false,
      diesByItself: false,
      longestSeconds: lifeSeconds - marginSeconds,
      isNameless: true,
      hasGateway: true,
    }),
    upstream: upstreamOf(new URL(config.url)),
    preflight: signal => preflight(app, signal),
    ensureHolder: async (order, signal) => void (await ensureRights(app, order, signal)),
    issue: (order, signal) => issue(app, order, signal),
    renew: (order, signal) => renew(app, order, signal),
    hold: unheld,
    release: unheld,
    end: async ({ object, secret }, signal) => {
      const ending = endingOf(object, secret)
      // One that is refused holds up no other.
      const done = await Promise.allSettled([
        isToken(secret) && app.endToken(secret, signal),
        ending && endRepository(app, ending, signal),
      ])
      for (const each of done) if (each.status === 'rejected') throw each.reason
    },
    verifyGone: (order, signal) => verifyGone(app, order, signal),
    // Rights are in each token: nothing else holds them, so nothing else can be left.
    removeHolder: nothing,
    verifyHolderGone: async () => ({ listed: 'absent', residue: [], at: clock.now() }),
    inventory: (cursor, signal) => inventory(app, cursor, signal),
    close: () => app.close(),
  }
}

/** INVARIANT: what a caller asks is asked with the token of its lease, never with one of the App. */
function upstreamOf(url: URL): Upstream {
  const base = url.pathname.replace(/\/$/, '')
  const rules = rulesOf(presets.github)
  const none = async () => {
    throw new Problem('target-refused', { detail: 'Each lease has a token of its own here.' })
  }
  return {
    url,
    speaks: 'http',
    credential: none,
    fetch: none,
    ofLease: secret => ({ authorization: `Bearer ${secret}` }),
    classOf: (_, asked) =>
      classOfRequest(rules, asked.replace(/\?.*/s, '').replace(` ${base}/`, ' /')),
  }
}

async function unheld(): Promise<never> {
  throw new Problem('target-refused', {
    detail: 'GitHub can not hold a token.',
    next: 'End the lease.',
  })
}
