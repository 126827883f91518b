/** What people and workloads of the pretend company do, each through the door they would use. */
import type {
  AppDetail,
  GraduationView,
  IssuedLeaseView,
  OffboardingView,
  RequestView,
} from '../../src/doors/api/contract.ts'
import { type Client, clientOf, exchangeToken, Refused } from '../client.ts'
import { sharedColumns } from '../crm.ts'
import { signInCompany } from '../people.ts'
import { type CompanyParts, ciToken } from './parts.ts'
import type { People } from './people.ts'
import type { PlannedApp } from './plan.ts'

export interface Company {
  readonly parts: CompanyParts
  readonly people: People
  /** Who has left, by `sub`. */
  readonly left: Set<string>
}

/** Who answers for which data. */
export const dataOwners: Readonly<Record<string, string>> = {
  'crm.deals': 'tom',
  'crm.contacts': 'tom',
  'crm.sandbox-contacts': 'tom',
  'billing.invoices': 'tom',
  'support.tickets': 'noor',
  'web.visits': 'noor',
  'hr.leave': 'ruth',
}
const purpose = 'refresh'
/** A thing no prototype may change: what a run tries that goes too far. */
export const beyond = { resource: 'crm.contacts', actions: ['write'] }

export async function makeApp({ people }: Company, app: PlannedApp): Promise<void> {
  const { slug, days, department } = app
  const owner = await people.as(app.owner.sub)
  const dataClasses = app.resource === 'crm.contacts' ? ['internal', 'customer'] : ['internal']
  await owner.post<AppDetail>('/v1/apps', {
    slug,
    purpose: app.purpose,
    backup: app.backup.email,
    team: department,
    days,
    dataClasses,
    roles: slug === 'qbr-writer' ? ['run', 'agent'] : ['run'],
  })
  await owner.put(`/v1/apps/${slug}/manifest`, { yaml: manifestOf(slug, app.resource) })
}

/** Asks for what the app needs; `trust`: which repository may speak for it. */
export async function askAll(company: Company, app: PlannedApp): Promise<RequestView[]> {
  const trust = await askTrust(company, app.slug, app.owner.sub, app.repository)
  return [trust, await askData(company, app)]
}

export async function askTrust(
  { people, parts }: Company,
  slug: string,
  owner: string,
  repository: string,
): Promise<RequestView> {
  const client = await people.as(owner)
  return client.post<RequestView>(`/v1/apps/${slug}/trust`, {
    role: 'run',
    preset: 'github',
    issuer: parts.ci.issuer,
    claims: claimsOf(slug, repository),
    reason: 'it runs from this repository',
  })
}

export async function askData(
  { people }: Company,
  { slug, resource, owner, purpose: why }: PlannedApp,
): Promise<RequestView> {
  const client = await people.as(owner.sub)
  const columns =
    resource === 'crm.deals'
      ? { columns: sharedColumns }
      : resource === 'crm.contacts'
        ? { columns: ['id', 'name'] }
        : {}
  const roles = slug === 'qbr-writer' ? { roles: ['run', 'agent'] } : {}
  const body = { app: slug, resource, actions: ['read'], ...columns, ...roles, reason: why }
  return client.post<RequestView>('/v1/requests', body)
}

export async function answer(
  { people }: Company,
  who: string,
  { id, bodyHash }: RequestView,
  says: 'yes' | 'no' = 'yes',
  comment?: string,
): Promise<RequestView> {
  const client = await people.as(who)
  const said = comment === undefined ? {} : { comment }
  return client.post<RequestView>(`/v1/requests/${id}/answer`, { says, bodyHash, ...said })
}

export interface Run {
  readonly client: Client
  readonly token: string
  /** Short id. */
  readonly task: string
  readonly issued: IssuedLeaseView
}

/** One run of the app's workflow: says who it is, and has a lease made. */
export async function beginRun(
  company: Company,
  of: Pick<PlannedApp, 'slug' | 'repository' | 'resource'>,
  number: number,
): Promise<Run> {
  const run = await attest(company, of, number)
  const asked = { resource: of.resource, actions: ['read'] }
  return { ...run, issued: await run.client.post<IssuedLeaseView>('/v1/leases', asked) }
}

export async function attest(
  { parts }: Company,
  { slug, repository }: Pick<PlannedApp, 'slug' | 'repository'>,
  number: number,
): Promise<Omit<Run, 'issued'>> {
  const token = await ciToken(parts, {
    ...claimsOf(slug, repository),
    repository: `acme/${slug}`,
    sub: `repo:acme@4711/${slug}@${repository}:environment:crm`,
    workflow_ref: claimsOf(slug, repository).job_workflow_ref,
    sha: commitOf(repository, number),
    run_id: `73${repository}${String(number).padStart(6, '0')}`,
    run_number: String(number),
    actor: slug,
  })
  return exchanged(parts.address, token, { identity: `${slug}/run` })
}

/** Attended: in the name of who is signed in on their own machine. */
export async function attestPerson(
  { parts }: Company,
  sub: string,
  identity: string,
): Promise<Omit<Run, 'issued'>> {
  const { token } = await signInCompany(parts.issuer, parts.address, sub)
  return exchanged(parts.address, token, {
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    identity,
    run: crypto.randomUUID(),
  })
}

async function exchanged(address: string, shown: string, form: Record<string, string>) {
  const { ok, body } = await exchangeToken(address, shown, { scope: purpose, ...form })
  const { access_token: token, task } = body
  if (!ok || token === undefined || typeof task !== 'string')
    throw new Error(`the token of ${form['identity']} was refused: ${body.error_description}`)
  return { token, task, client: clientOf(address, token) }
}

/** It says what it has done, and gives back what it had. */
export async function endRun({ client, issued, task }: Run, rows: number): Promise<void> {
  await client.post(`/v1/leases/${issued.lease.id}/uses`, { rows, action: 'read' })
  await client.post(`/v1/tasks/${task}/close`)
}

/** Tries what it may not. Anything but a no is an error of ours. */
export async function beDenied(call: Promise<unknown>): Promise<string> {
  const denial = await call.then(
    () => undefined,
    (thrown: unknown) => {
      if (thrown instanceof Refused && thrown.denial !== undefined) return thrown.denial
      throw thrown
    },
  )
  if (denial === undefined) throw new Error('what should have been denied was allowed')
  return denial.rule
}

/** Its owner ends it, having seen what that takes away. */
export async function endApp({ people }: Company, app: PlannedApp): Promise<void> {
  const owner = await people.as(app.owner.sub)
  const path = `/v1/apps/${app.slug}/end`
  const { planHash } = await owner.post<OffboardingView>(path, {})
  await owner.post<OffboardingView>(path, { planHash })
}

/** It is to stay: another person takes it, and who answers for its data agrees. */
export async function graduate(company: Company, app: PlannedApp): Promise<void> {
  const owner = await company.people.as(app.owner.sub)
  const path = `/v1/apps/${app.slug}/graduate`
  const { checks } = await owner.get<GraduationView>(path)
  const open = checks.find(({ ok }) => !ok)
  if (open !== undefined) throw new Error(`${app.slug} can not graduate: ${open.name}`)
  const request = await owner.post<RequestView>(path, {
    to: app.backup.email,
    backup: app.owner.email,
    team: app.department,
    reason: `${app.department} uses it every day`,
  })
  const dataOwner = dataOwners[app.resource] ?? 'tom'
  for (const who of new Set([app.backup.sub, dataOwner])) await answer(company, who, request)
}

export function claimsOf(slug: string, repository: string) {
  return {
    repository_id: repository,
    repository_owner_id: '4711',
    environment: 'crm',
    job_workflow_ref: `acme/${slug}/.github/workflows/refresh.yml@refs/heads/main`,
  }
}

export function manifestOf(slug: string, resource: string): string {
  const needs = [
    `      - resource: ${resource}\n        actions: [read]\n`,
    '      - resource: crm.contacts\n        actions: [write]\n',
    ...(slug === 'hr-faq' ? ['      - resource: hr.leave\n        actions: [read]\n'] : []),
  ]
  return `app: ${slug}\npurposes:\n  ${purpose}:\n    says: Reads what changed\n    needs:\n${needs.join('')}`
}

function commitOf(repository: string, number: number): string {
  return (BigInt(repository) * 1_000_003n + BigInt(number) * 7_919n)
    .toString(16)
    .padStart(8, '9f2c1a7d')
    .padEnd(40, '0a4c6d2e1b7f9a8c3d5e0b4a61')
    .slice(0, 40)
}
