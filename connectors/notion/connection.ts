/**
 * A resource that is our whole connection at Notion: its token ends with the lease, as far as Notion has
 * an API for that. A public connection is revoked and introspected; a personal access token is deleted
 * and listed by the Admin API; for an internal connection there is neither.
 *
 * INVARIANT: where no API lists what is there, `listed` is unknown and says who does what by hand: such an
 * end is never green by itself.
 */
import { type Listed, type Look, listed } from '../rest/whole.ts'
import * as api from './api.ts'

export const connectionPaths = [
  'the token itself, at users/me',
  'introspection of a public connection, or the list of personal access tokens',
] as const

/** Where a person ends it who has to, and what is needed then. */
export const byHand = {
  internal:
    'Notion has no API that lists or revokes an internal connection. Its owner or a workspace owner deletes it in Notion (Settings → Connections → Develop or manage connections, or app.notion.com/developers/connections), and a named person attests to that.',
  personal:
    'Without `admin` (plan Enterprise) nobody but its owner can list or revoke a personal access token. Its owner deletes it in the Developer portal, and a named person attests to that.',
}

/** Undefined: Notion has an API for it. */
export function handOf({ config: { connection, admin } }: api.Notion): string | undefined {
  if (connection === 'internal') return byHand.internal
  return connection === 'personal' && admin === undefined ? byHand.personal : undefined
}

/**
 * At issue: it is what was said of it, and seen where its end will be looked for. ATTACKER: who connects
 * an internal connection as something else, whose absence in a list would then be called its end.
 */
export async function checkListed(
  notion: api.Notion,
  bot: string,
  signal: AbortSignal,
): Promise<void> {
  if (handOf(notion) !== undefined || (await isListed(notion, bot, signal))) return
  const { connection } = notion.config
  throw api.refused(
    `Notion does not know this token as one of a ${connection} connection.`,
    'Connect it as what it is: `connection` in docs/connectors/notion.md.',
  )
}

/** Gone already is ended. What is answered is no proof either way. */
export async function endConnection(notion: api.Notion, signal: AbortSignal): Promise<void> {
  const { connection, token } = notion.config
  const hand = handOf(notion)
  if (hand !== undefined) throw api.refused(hand)
  if (connection === 'public') return void (await api.asClient(notion, 'revoke', signal))
  // Which one it is, it alone says; once it is refused, there is nothing left to delete.
  if ((await api.tryToken(notion, token, signal)).said === 'refused') return
  const path = `/${await api.botOf(notion, token, signal)}`
  await api.asAdmin(notion, { method: 'DELETE', path, takes: [404] }, signal)
}

export async function lookAtConnection(
  notion: api.Notion,
  bot: string,
  signal: AbortSignal,
): Promise<Look> {
  const { token, probeToken } = notion.config
  const hand = handOf(notion)
  const [own, probe, seen] = await Promise.all([
    api.tryToken(notion, token, signal),
    probeToken === undefined ? undefined : api.tryToken(notion, probeToken, signal),
    hand === undefined ? listed(isListed(notion, bot, signal)) : byPerson(hand),
  ])
  if (hand === undefined || own.said === 'unclear') return { own, probe, listed: seen }
  const says = own.said === 'refused' ? 'refused now' : 'still taken'
  return { own, probe, listed: byPerson(`${hand} Its token is ${says}.`) }
}

const byPerson = (because: string): Listed => ({ listed: 'unknown', because: [because] })

/** Throws where Notion does not say it. */
async function isListed(notion: api.Notion, bot: string, signal: AbortSignal): Promise<boolean> {
  if (notion.config.connection === 'public') return api.isActive(notion, signal)
  if (bot === '') throw api.refused('Which token it was is not known: it was never accepted.')
  return api.isLivingToken(notion, bot, signal)
}
