/**
 * Looking at a tenant with a token for Microsoft Graph that a person already has. It reads what Entra shows
 * that person; nothing here can issue, renew or end anything.
 */
import { type Fetch, restClient } from '../rest/client.ts'
import { askAs } from '../rest/cloud.ts'
import { openPages } from './cloud.ts'
import type { Looker } from './inventory.ts'
import { hosts, name, refused } from './login.ts'

export interface PersonAt {
  readonly tenant: string
  /** As `az` has it, for an hour or so. */
  readonly token: string
  /** In place of Graph's own address. */
  readonly url?: string
}

export function openPerson({ tenant, token, url }: PersonAt, via: Fetch): Looker {
  const base = new URL(url ?? `https://${hosts.graph}`)
  const help = 'Run `az login`, and the scan again.'
  const ask = askAs(restClient(name, base, via), { token, help })
  const pages = openPages(
    async (service, request, signal) => {
      // INVARIANT: a token is sent where it is for.
      if (service !== 'graph') throw refused('This token is for Microsoft Graph alone.')
      return ask(request, signal)
    },
    () => base,
  )
  return { config: { tenant }, ...pages }
}
