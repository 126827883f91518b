/**
 * Amazon Web Services: the connector's own inventory, with what a person's own tools find. It brings the SDK,
 * which is large, so it is read where AWS is asked for.
 */
import { inventory } from '../../connectors/aws/inventory.ts'
import { openPerson, type PersonAt } from '../../connectors/aws/look.ts'
import type { Fetch } from '../../connectors/rest/client.ts'
import { sourceOf } from './inventory.ts'
import { type Going, openWay, type Reads } from './outgoing.ts'
import type { Source } from './source.ts'

/** AWS names no number. */
const bounds = { gapMs: 60, firstMs: 60_000 }

/** Named by the number of its account: a company has many, and each is a scan. */
export async function openAwsSource(at: PersonAt, going: Going): Promise<Source> {
  const patient = { ...going, fetch: tellWhenTooMany(going.fetch) }
  const way = (system: string) => openWay({ system, reads: awsReads, gapMs: bounds.gapMs }, patient)
  const account = await openPerson(at, way('aws')).account(AbortSignal.timeout(bounds.firstMs))
  const name = `aws:${account}`
  const { looker } = openPerson(at, way(name))
  return sourceOf(name, going, signal => ({
    page: cursor => inventory(looker, cursor, signal),
    hidden: {
      what: 'the root user of the account, its keys and its second factor',
      needs: 'who holds it; IAM lists it nowhere',
    },
  }))
}

/**
 * INVARIANT: by name. IAM and STS take POST for everything, and `Get` is no word for reading there:
 * `GetSessionToken` makes a credential. ATTACKER: a second `Action` behind the one that is looked at.
 */
export const awsReads: Reads = (method, { pathname, search }, body) => {
  const asked = new URLSearchParams(body).getAll('Action')
  const [action = ''] = asked
  const isIt = method === 'POST' && pathname === '/' && search === '' && asked.length === 1
  return isIt && readingOfAws.has(action) ? `POST ${action}` : undefined
}
const readingOfAws = new Set(
  [
    'GetCallerIdentity ListRoles GetRole ListUsers GetLoginProfile ListMFADevices ListAccessKeys',
    'GetAccessKeyLastUsed ListOpenIDConnectProviders GetOpenIDConnectProvider ListSAMLProviders',
  ].flatMap(names => names.split(' ')),
)

/** AWS says that it was too much by a word in a 400; here that is 429, and waits as all others do. */
function tellWhenTooMany(send: Fetch): Fetch {
  return async (...asked) => {
    const answer = await send(...asked)
    if (answer.status !== 400) return answer
    const text = await answer.text()
    const isTooMany = /<Code>(Throttl\w*|RequestLimitExceeded|TooManyRequests\w*)</.test(text)
    const headers = { 'content-type': 'text/xml', ...(isTooMany && { 'retry-after': '2' }) }
    return new Response(text, { status: isTooMany ? 429 : 400, headers })
  }
}
