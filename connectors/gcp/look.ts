/**
 * Looking at one project with a token that a person already has. It reads what Google shows that person;
 * nothing here can issue, renew or end anything.
 */
import { type Fetch, restClient } from '../rest/client.ts'
import { askAs } from '../rest/cloud.ts'
import { hosts, name } from './cloud.ts'
import type { Looker } from './inventory.ts'

export interface PersonAt {
  readonly project: string
  /** As `gcloud` has it, for an hour at most. */
  readonly token: string
  /** Whose quota is used, where `gcloud`'s own has an API not turned on. */
  readonly quotaProject?: string
  /** In place of Google's own addresses. */
  readonly url?: string
}

export function openPerson({ project, token, quotaProject, url }: PersonAt, via: Fetch): Looker {
  const help = 'Run `gcloud auth login`, and the scan again.'
  const more = quotaProject === undefined ? {} : { 'x-goog-user-project': quotaProject }
  return {
    config: { project },
    call: (service, request, signal) => {
      const ask = restClient(name, new URL(url ?? `https://${hosts[service]}`), via)
      return askAs(ask, { token, help, more })(request, signal)
    },
  }
}
