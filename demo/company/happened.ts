/** What happened to whom in the pretend company: the days before, and this afternoon. */
import { escapeIdentifier } from 'pg'
import { addMs } from '../../src/core/base/time.ts'
import type { IssuedLeaseView } from '../../src/doors/api/contract.ts'
import { withClient } from '../crm.ts'
import type { Company, Run } from './act.ts'
import * as act from './act.ts'
import type { PlannedApp } from './plan.ts'

export function appOf({ parts }: Company, slug: string): PlannedApp {
  const app = parts.plan.apps.find(each => each.slug === slug)
  if (app === undefined) throw new Error(`there is no app ${slug}`)
  return app
}

/** Days before now, minutes after midnight, and what is done then. */
export type Later = readonly [ago: number, minute: number, run: () => Promise<unknown>]

/** Minutes are before what an app's own day begins with, or after all of them. */
export function storiesOf(company: Company): Later[] {
  const evening = 19 * 60
  return [
    [2, evening, () => askForLeave(company)],
    [2, evening + 40, () => beRefused(company)],
    [1, evening, () => leeLeaves(company)],
    [1, evening + 40, () => leakKey(company)],
  ]
}

/** HR data is not for a prototype: neither to ask for nor to have. */
async function askForLeave(company: Company): Promise<void> {
  const { slug, owner, repository } = appOf(company, 'hr-faq')
  const client = await company.people.as(owner.sub)
  const leave = { resource: 'hr.leave', actions: ['read'] }
  const asked = { app: slug, ...leave, reason: 'to answer how many days are left' }
  await act.beDenied(client.post('/v1/requests', asked))
  const run = await act.attest(company, { slug, repository }, 91)
  await act.beDenied(run.client.post('/v1/leases', leave))
}

/** Asks that were not agreed to, each with what to do instead. */
async function beRefused(company: Company): Promise<void> {
  for (const [slug, resource, why] of [
    ['campaign-wall', 'crm.deals', 'visits are enough to see what a campaign brings'],
    ['truck-board', 'billing.invoices', 'ask finance for the delivery dates alone'],
    ['word-watch', 'support.tickets', 'tickets have names in them; the search log has none'],
  ] as const) {
    const request = await act.askData(company, { ...appOf(company, slug), resource })
    await act.answer(company, act.dataOwners[resource] ?? 'tom', request, 'no', why)
  }
}

/** Of Lee's two apps one is handed over; the other waits for its backup. */
async function leeLeaves(company: Company): Promise<void> {
  const { people } = company
  await leaveCompany(company, 'lee')
  const maya = await people.as('maya')
  await maya.post('/v1/apps/pipeline-digest/accept', { backup: 'tom@acme.example' })
}

/** Their apps are looked at once more: a sweep that was under way may have passed them by. */
export async function leaveCompany({ parts, people, left }: Company, sub: string): Promise<void> {
  const sam = await people.as('sam')
  await sam.post(`/v1/people/${sub}@acme.example/leave`)
  left.add(sub)
  await parts.running.world.runNow('apps')
}

/** A token of invoice-bot is seen where everybody can read it. */
async function leakKey(company: Company): Promise<void> {
  await revokeLeaked(company, await act.beginRun(company, appOf(company, 'invoice-bot'), 92))
}

export interface Leaked {
  readonly lease: string
  readonly ms: number
  /** What the copy was told at each door afterwards. */
  readonly refusals: readonly string[]
}

/** Who found it shows it to us; what came with it ends, and is tried. */
export async function revokeLeaked(
  { parts, people }: Company,
  { client, token, issued, task }: Run,
): Promise<Leaked> {
  const from = performance.now()
  const noor = await people.as('noor')
  await fetch(`${parts.address}/oauth/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ token }),
  })
  await noor.post(`/v1/tasks/${task}/close`)
  const ms = performance.now() - from
  const refusals = await Promise.all(
    [
      client.get('/v1/me'),
      client.post('/v1/leases', { resource: 'billing.invoices', actions: ['read'] }),
    ].map(call =>
      call.then(
        () => Promise.reject(new Error('a revoked token was taken')),
        (thrown: Error) => thrown.message,
      ),
    ),
  )
  return { lease: issued.lease.shortId, ms, refusals }
}

/** The last half hour. It ends now: what is alive is alive. */
export async function playToday(company: Company): Promise<void> {
  const { plan, clock } = company.parts
  const ago = (minutes: number) => clock.moveTo(addMs(plan.now, -minutes * 60_000))
  ago(12)
  await workForAmara(company)
  ago(9)
  const drifting = plan.apps.filter(({ fate }) => fate === 'drifting')
  const runs = await Promise.all(drifting.map(app => act.beginRun(company, app, 93)))
  ago(7)
  await Promise.all(runs.map(run => changePassword(company, run)))
  await seeDrift(company)
  await pauseRadar(company)
  ago(1)
  await beginWork(company)
  clock.moveTo(plan.now)
}

/** An agent, in the name of who sits before it. */
async function workForAmara(company: Company): Promise<void> {
  const amara = await company.people.as('amara')
  await amara.post('/v1/apps/qbr-writer/trust', {
    role: 'agent',
    preset: 'person',
    claims: { as: ['owner'] },
    reason: 'it drafts while Amara reads along',
  })
  const { client } = await act.attestPerson(company, 'amara', 'qbr-writer/agent')
  const deals = { resource: 'crm.deals', actions: ['read'] }
  const { lease } = await client.post<IssuedLeaseView>('/v1/leases', deals)
  await client.post(`/v1/leases/${lease.id}/uses`, { rows: 118, action: 'read' })
  await act.beDenied(client.post('/v1/leases', act.beyond))
}

/** By somebody who may, at the database itself: what is alive there is not what was made. */
export async function changePassword(
  { parts }: Company,
  { issued: { lease } }: Pick<Run, 'issued'>,
): Promise<void> {
  await withClient(parts.postgres, 'postgres', client =>
    client.query(`alter role ${escapeIdentifier(lease.principal)} password 'changed by hand'`),
  )
}

export async function seeDrift({ parts: { running } }: Company): Promise<void> {
  await running.world.settle()
  for (const job of ['watch', 'leases']) await running.world.runNow(job)
}

/** Until somebody says who did it. */
async function pauseRadar({ people }: Company): Promise<void> {
  const noor = await people.as('noor')
  const reason = 'its credential was changed at the database; nobody says by whom'
  await noor.post('/v1/apps/churn-radar/pause', { reason })
}

/** What is at work now. */
async function beginWork(company: Company): Promise<void> {
  const running = company.parts.plan.apps.filter(({ fate }) => fate === 'running')
  await Promise.all(running.slice(0, 9).map(app => act.beginRun(company, app, 94)))
}
