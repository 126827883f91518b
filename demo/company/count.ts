/** What there is in the pretend company, as its auditor may count it at the doors; nothing of the plan is asked. */
import type {
  AppView,
  FindingView,
  FoundList,
  GrantView,
  LeaseView,
  LogCheckView,
  OffboardingView,
  PersonView,
  RequestView,
  ResourceView,
} from '../../src/doors/api/contract.ts'
import type { Client } from '../client.ts'
import type { Company } from './act.ts'
import { wanted } from './plan.ts'

export type Counted = Awaited<ReturnType<typeof countCompany>>['counts']
type Many<T> = { readonly items: readonly T[] }

export async function countCompany({ people }: Company) {
  const sam = await people.as('sam')
  const apps = (await sam.get<Many<AppView>>('/v1/apps')).items
  const [persons, findings, found, resources, leases] = await Promise.all([
    sam.get<Many<PersonView>>('/v1/people'),
    sam.get<Many<FindingView>>('/v1/findings'),
    sam.get<FoundList>('/v1/found'),
    sam.get<Many<ResourceView>>('/v1/resources'),
    sam.get<Many<LeaseView>>('/v1/leases?open=true'),
  ])
  const waiting = await waitingApps(sam)
  const drifting = appsWithFinding(findings.items, 'lease-tampered')
  const stateOf = (app: AppView) => wordOf(app, { waiting, drifting })
  const of = (state: string) => apps.filter(app => stateOf(app) === state)
  const certificates = await proven(sam, [...of('ended'), ...of('graduated')])
  const log = await sam.post<LogCheckView>('/v1/log/check')
  const counts = {
    people: persons.items.length,
    departments: new Set(apps.map(({ team }) => team)).size,
    apps: apps.length,
    ...countStates(of),
    proven: certificates,
    unmanaged: found.unknown,
    datasets: resources.items.filter(({ isSandbox }) => !isSandbox).length,
    leases: leases.items.length,
    findings: findings.items.length,
    entries: log.entries,
    verified: log.verified,
  }
  const listed = apps.map(app => ({ slug: app.slug, owner: app.owner.name, state: stateOf(app) }))
  return { counts, listed: listed.sort((a, b) => a.slug.localeCompare(b.slug)) }
}

function countStates(of: (state: string) => readonly AppView[]) {
  const states = ['running', 'waiting', 'drifting', 'ended', 'graduated', 'orphan'] as const
  return Object.fromEntries(states.map(state => [state, of(state).length])) as Record<
    (typeof states)[number],
    number
  >
}

/** One word for each app: the gravest that is true of it. */
function wordOf(
  app: AppView,
  { waiting, drifting }: Record<'waiting' | 'drifting', ReadonlySet<string>>,
): string {
  if (app.state === 'ended' || app.state === 'graduated') return app.state
  if (!app.owner.isLiving) return 'orphan'
  if (drifting.has(app.id)) return 'drifting'
  if (app.state !== 'active') return app.state
  return waiting.has(app.slug) ? 'waiting' : 'running'
}

/** Nothing was agreed for it yet, and somebody is asked. */
async function waitingApps(sam: Client): Promise<Set<string>> {
  const [requests, grants] = await Promise.all([
    sam.get<Many<RequestView>>('/v1/requests?state=open'),
    sam.get<Many<GrantView>>('/v1/grants'),
  ])
  const has = new Set(grants.items.filter(({ state }) => state === 'live').map(({ app }) => app))
  return new Set(requests.items.flatMap(({ app }) => (app === null || has.has(app) ? [] : [app])))
}

function appsWithFinding(findings: readonly FindingView[], kind: string): Set<string> {
  const of = findings.filter(each => each.kind === kind)
  return new Set(of.map(({ details }) => String(details['appId'])))
}

/** How many of them are certified, with everything they ever had seen gone. */
async function proven(sam: Client, apps: readonly AppView[]): Promise<number> {
  const ends = await Promise.all(
    apps.map(({ slug }) => sam.get<OffboardingView>(`/v1/apps/${slug}/end`)),
  )
  return ends.filter(each => each.state === 'verified-gone' && each.certifiedAt !== null).length
}

/**
 * Decisions about people and workloads by day, yes and no. Not those about the server's own sweeps, which come
 * in the machine's time.
 */
export async function countDecisions({ parts }: Company) {
  return parts.running.world.store.query<{ day: string; allowed: boolean; count: number }>(
    `select to_char(at at time zone 'UTC', 'YYYY-MM-DD') as day, allowed, count(*)::int as count
     from decision where record::jsonb -> 'actor' ->> 'kind' <> 'system' group by 1, 2 order by 1, 2`,
  )
}

/** Each number that is not what it should be, in words. */
export function amiss(counted: Counted): string[] {
  const wrong = Object.entries(wanted).flatMap(([name, should]) => {
    const is = counted[name as keyof typeof wanted]
    return is === should ? [] : [`${name}: ${is}, not ${should}`]
  })
  const ends = wanted.ended + wanted.graduated
  if (counted.proven !== ends) wrong.push(`proven: ${counted.proven}, not ${ends}`)
  if (!counted.verified) wrong.push('the log does not verify')
  return wrong
}
