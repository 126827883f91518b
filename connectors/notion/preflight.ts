/**
 * The canary: our token is taken and an invented one is not; what can be ended by itself; and what an
 * inventory will see. What the plan hides is told; a credential that was connected and is not taken fails.
 */
import { randomBytes } from 'node:crypto'
import type { Preflight } from '../../src/core/target/target.ts'
import { walk } from '../rest/canary.ts'
import { seenSteps } from '../rest/lists.ts'
import { tokenSteps } from '../rest/whole.ts'
import { botOf, isActive, type Notion, refused, tryToken } from './api.ts'
import { handOf } from './connection.ts'
import { openLists } from './inventory.ts'

export async function preflight(notion: Notion, signal: AbortSignal): Promise<Preflight> {
  const { connection, token, probeToken } = notion.config
  // Of the form of a token, and of nobody.
  const invented = `ntn_${randomBytes(24).toString('hex')}`
  return walk('Notion', {
    ...tokenSteps(
      () => botOf(notion, token, signal),
      () => tryToken(notion, invented, signal),
    ),
    'its end can be seen': async () => {
      if (connection !== 'public' || (await isActive(notion, signal))) return handOf(notion)
      throw refused('The token is not of this client: it is not active there.')
    },
    'what we compare with is accepted': async () => {
      if (probeToken === undefined) return 'nothing: no `probeToken` is connected'
      return `as ${await botOf(notion, probeToken, signal)}`
    },
    ...seenSteps(openLists(notion), signal),
  })
}
