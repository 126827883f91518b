/**
 * The canary: our token is taken and an invented one is not; and what an inventory will see. What the
 * plan or a scope hides is told and is no failure; a token that was connected and is not taken is one.
 */
import { randomBytes } from 'node:crypto'
import type { Preflight } from '../../src/core/target/target.ts'
import { walk } from '../rest/canary.ts'
import { seenSteps } from '../rest/lists.ts'
import { tokenSteps } from '../rest/whole.ts'
import { refused, type Slack } from './api.ts'
import { openLists } from './inventory.ts'

export async function preflight(slack: Slack, signal: AbortSignal): Promise<Preflight> {
  const { botToken, adminToken, plan } = slack.config
  const whose = async () => (await slack.whoIs(botToken, signal)).user
  // Of the form of a token, and of nobody.
  const invented = `xoxb-${randomBytes(18).toString('hex')}`
  return walk('Slack', {
    ...tokenSteps(whose, () => slack.tryToken(invented, signal)),
    'who looks for us is accepted': async () => {
      if (adminToken === undefined) return 'nobody: no `adminToken` is connected'
      const own = await slack.whoIs(botToken, signal)
      const { user, team } = await slack.whoIs(adminToken, signal)
      if (plan === 'enterprise' || team === own.team) return `as ${user}`
      throw refused('`adminToken` and `botToken` are of two workspaces.')
    },
    ...seenSteps(openLists(slack), signal),
  })
}
