/**
 * A resource that is our whole app at Slack: its installation ends with the lease. Looked at on two
 * paths: its token, by itself, and its bot in the list of users, as a person's token reads it.
 */

import { partOf } from '../rest/lists.ts'
import { type Look, listed } from '../rest/whole.ts'
import { isDead, refused, type Slack } from './api.ts'

export const appPaths = ['the token itself, at auth.test', 'the bot, in the list of users'] as const

/** Only what can be ended may be lent as a whole, and where both paths show it now. */
export async function checkEndable(slack: Slack, user: string, signal: AbortSignal): Promise<void> {
  const { clientSecret, adminToken } = slack.config
  if (clientSecret === undefined || adminToken === undefined)
    throw refused(
      'A whole app can be lent only where its end can be made and proven.',
      'Connect with `clientId`, `clientSecret` and `adminToken`: docs/connectors/slack.md.',
    )
  if (await isListed(slack, user, signal)) return
  throw refused('Its bot is not seen in the list of users.')
}

/** Dead already is ended. What is answered is no proof either way. */
export async function endApp(slack: Slack, signal: AbortSignal): Promise<void> {
  const { botToken: as, clientId = '', clientSecret = '' } = slack.config
  const form = { client_id: clientId, client_secret: clientSecret }
  const uninstalled = await slack.call({ as, method: 'apps.uninstall', form }, signal)
  // Also where that was refused: a token that can not end its app is still better dead.
  const revoked = await slack.call({ as, method: 'auth.revoke', form: {} }, signal)
  const no = [uninstalled.error, revoked.error].find(each => each !== null && !isDead(each))
  if (no === undefined) return
  throw refused(
    `Slack says \`${no}\` to the end of our app.`,
    'An admin removes it by hand, in Slack: Settings → Manage apps.',
  )
}

export async function lookAtApp(slack: Slack, user: string, signal: AbortSignal): Promise<Look> {
  const { botToken, adminToken } = slack.config
  const [own, probe, seen] = await Promise.all([
    slack.tryToken(botToken, signal),
    adminToken === undefined ? undefined : slack.tryToken(adminToken, signal),
    listed(isListed(slack, user, signal)),
  ])
  return { own, probe, listed: seen }
}

/** Slack keeps the row of a bot whose app is gone, and marks it as deleted. Throws where it is not shown. */
async function isListed(slack: Slack, user: string, signal: AbortSignal): Promise<boolean> {
  const as = slack.config.adminToken
  if (user === '') throw refused('Which bot it was is not known: it was never accepted.')
  if (as === undefined) throw refused('Nobody of ours reads the list: connect an `adminToken`.')
  const { body, error } = await slack.call({ as, method: 'users.info', query: { user } }, signal)
  if (error === 'user_not_found') return false
  const row = partOf(slack.agreed({ body, error }, 'users.info'), 'user')
  if (row['id'] === user) return row['deleted'] !== true
  throw refused('Slack shows another user than was asked for.')
}
