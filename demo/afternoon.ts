/**
 * The afternoon after the story: what else goes on in the pretend company, so that the console has something
 * to show. Through the same doors; people wait, are refused, pause, leave. Not part of the story's own log.
 */
import type { IssuedLeaseView, OffboardingView, RequestView } from '../src/doors/api/contract.ts'
import { exchangeToken } from './client.ts'
import { sharedColumns, withClient } from './crm.ts'
import type { Parts } from './parts.ts'
import { type SignedIn, signInCompany } from './people.ts'

interface NewApp {
  readonly slug: string
  readonly purpose: string
  readonly days: number
  readonly dataClasses?: readonly string[]
}

const workflow = (slug: string) => `acme/${slug}/.github/workflows/refresh.yml@refs/heads/main`

export async function playAfternoon(parts: Parts): Promise<void> {
  const { sam, maya, tom } = parts
  const lee = await signInCompany(parts.issuer, parts.address, 'lee')
  await makeApps(parts, lee)
  // 1. One that works: it may read, holds a lease now, and was refused a write.
  await letRead(parts, 'churn-radar', '1003')
  await workAndBeRefused(parts, 'churn-radar', '1003')
  // 2. Some that wait: for the owner of data, and for the platform where the owner asks for their own.
  await ask(maya, 'qbr-writer', 'crm.deals', 'for the quarterly reviews on Friday')
  await ask(tom, 'forecast', 'crm.deals', 'the board asks for the numbers by region')
  await ask(
    maya,
    'contact-cleaner',
    'crm.sandbox-contacts',
    'to try the clean-up on made-up people',
  )
  // 3. Orders to stop.
  await maya.client.post('/v1/apps/hr-faq/pause', { reason: 'answers had names in them' })
  const hold = { scope: 'app', about: 'pricing-probe', reason: 'asks for far more than it did' }
  await sam.client.post('/v1/holds', hold)
  // 4. One is offered on, and one loses its owner.
  await tom.client.post('/v1/apps/pipeline-digest/transfer', { to: 'Sam Okafor' })
  await sam.client.post('/v1/people/lee@acme.example/leave')
  // 5. One that a database lies about: it is not gone, whatever the database says.
  await endAtLiar(parts)
  // 6. What nobody registered is there too.
  await leaveThings(parts)
}

/** Lee is in the company's directory like the others, and leaves today. */
async function makeApps({ maya, tom }: Parts, lee: SignedIn): Promise<void> {
  await make(tom, 'maya', {
    slug: 'churn-radar',
    purpose: 'tells which accounts may leave',
    days: 12,
  })
  await make(maya, 'tom', { slug: 'qbr-writer', purpose: 'drafts the quarterly reviews', days: 4 })
  await make(tom, 'maya', {
    slug: 'forecast',
    purpose: 'numbers by region for the board',
    days: 26,
  })
  await make(maya, 'tom', {
    slug: 'contact-cleaner',
    purpose: 'finds contacts that are in twice',
    days: 9,
    dataClasses: ['customer'],
  })
  await make(maya, 'tom', { slug: 'hr-faq', purpose: 'answers questions about leave', days: 6 })
  await make(tom, 'maya', { slug: 'pricing-probe', purpose: 'compares list prices', days: 2 })
  await make(tom, 'maya', {
    slug: 'pipeline-digest',
    purpose: 'a mail on Monday: what moved',
    days: 20,
  })
  await make(lee, 'maya', {
    slug: 'night-import',
    purpose: 'copies yesterday’s orders in',
    days: 15,
  })
}

async function make({ client }: SignedIn, backup: string, app: NewApp): Promise<void> {
  const named = { backup: `${backup}@acme.example`, dataClasses: ['internal'], ...app }
  await client.post('/v1/apps', named)
}

/** Its manifest, its repository and its grant, each agreed by somebody else. */
async function letRead(parts: Parts, slug: string, repository: string): Promise<void> {
  const { tom, sam, github } = parts
  await tom.client.put(`/v1/apps/${slug}/manifest`, { yaml: manifestOf(slug, 'crm.deals') })
  const trust = await tom.client.post<RequestView>(`/v1/apps/${slug}/trust`, {
    role: 'run',
    preset: 'github',
    issuer: github.issuer,
    claims: claimsOf(slug, repository),
    reason: 'it runs from this repository',
  })
  const asked = await ask(tom, slug, 'crm.deals', 'to see who went quiet')
  for (const { id, bodyHash } of [trust, asked])
    await sam.client.post(`/v1/requests/${id}/answer`, { says: 'yes', bodyHash })
}

function manifestOf(slug: string, resource: string): string {
  return `app: ${slug}
purposes:
  refresh:
    says: Reads what changed
    needs:
      - resource: ${resource}
        actions: [read]
      - resource: crm.contacts
        actions: [write]
`
}

function claimsOf(slug: string, repository: string) {
  return {
    repository_id: repository,
    repository_owner_id: '4711',
    environment: 'crm',
    job_workflow_ref: workflow(slug),
  }
}

function ask({ client }: SignedIn, app: string, resource: string, reason: string) {
  const columns = resource === 'crm.deals' ? { columns: sharedColumns } : {}
  const body = { app, resource, actions: ['read'], ...columns, reason }
  return client.post<RequestView>('/v1/requests', body)
}

async function workAndBeRefused(parts: Parts, slug: string, repository: string): Promise<void> {
  const workload = parts.as(await attest(parts, slug, repository))
  const lease = { resource: 'crm.deals', actions: ['read'] }
  await workload.post<IssuedLeaseView>('/v1/leases', lease)
  const write = { resource: 'crm.contacts', actions: ['write'] }
  await workload.post('/v1/leases', write).catch(() => undefined)
}

async function attest(parts: Parts, slug: string, repository: string): Promise<string> {
  const token = await parts.github.issue({
    ...claimsOf(slug, repository),
    repository: `acme/${slug}`,
    sub: `repo:acme@4711/${slug}@${repository}:environment:crm`,
    workflow_ref: workflow(slug),
    run_id: `73000000${repository}`,
    run_number: '7',
    actor: 'tom',
  })
  const said = { scope: 'refresh', identity: `${slug}/run` }
  const { ok, body } = await exchangeToken(parts.address, token, said)
  if (!ok || body.access_token === undefined)
    throw new Error(`the token of ${slug} was refused: ${String(body.error_description)}`)
  return body.access_token
}

async function endAtLiar(parts: Parts): Promise<void> {
  const { maya, tom, sam, liar, github } = parts
  const slug = 'ghost-invoices'
  liar.honest = true
  await make(maya, 'tom', { slug, purpose: 'matches old invoices', days: 3 })
  await maya.client.put(`/v1/apps/${slug}/manifest`, { yaml: manifestOf(slug, 'billing.invoices') })
  const trust = await maya.client.post<RequestView>(`/v1/apps/${slug}/trust`, {
    role: 'run',
    preset: 'github',
    issuer: github.issuer,
    claims: claimsOf(slug, '1004'),
    reason: 'it runs from this repository',
  })
  const asked = await ask(maya, slug, 'billing.invoices', 'to find what was paid twice')
  for (const { id, bodyHash } of [trust, asked])
    await tom.client.post(`/v1/requests/${id}/answer`, { says: 'yes', bodyHash })
  const workload = parts.as(await attest(parts, slug, '1004'))
  await workload.post('/v1/leases', { resource: 'billing.invoices', actions: ['read'] })
  liar.honest = false
  const path = `/v1/apps/${slug}/end`
  const { planHash } = await sam.client.post<OffboardingView>(path)
  await sam.client.post<OffboardingView>(path, { planHash })
}

/** Roles that somebody made by hand, long ago. One has a name that would be markup, if anybody let it. */
async function leaveThings({ postgres, running }: Parts): Promise<void> {
  await withClient(postgres, 'postgres', client =>
    client.query(
      'create role legacy_report login; create role "<b>intern</b>" login; create role etl_2019 login',
    ),
  )
  await running.world.runNow('discovery')
}
