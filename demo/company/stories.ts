/** What `demo leak`, `drift`, `leave` and `ask` do to the pretend company while it is up, and how that is told. */
import { glyph } from '../../cli/src/answer.ts'
import type { DemoAnswer } from '../../cli/src/demo-control.ts'
import type { AppView, FindingView, RequestView } from '../../src/doors/api/contract.ts'
import type { Story } from '../control.ts'
import type { Company } from './act.ts'
import * as act from './act.ts'
import { appOf, changePassword, leaveCompany, revokeLeaked, seeDrift } from './happened.ts'
import type { PlannedApp } from './plan.ts'

type Many<T> = { readonly items: readonly T[] }

export function storiesOf(company: Company): Readonly<Record<string, Story>> {
  const numbers = { run: 500 }
  return {
    leak: () => leak(company, numbers.run++),
    drift: () => drift(company, numbers.run++),
    leave: () => leave(company),
    ask: () => ask(company),
  }
}

/** The copy works; then somebody shows it to us. */
async function leak(company: Company, number: number): Promise<DemoAnswer> {
  const run = await act.beginRun(company, appOf(company, 'invoice-bot'), number)
  await run.client.get('/v1/me')
  const { lease, ms, refusals } = await revokeLeaked(company, run)
  const lines = [
    '  A token of invoice-bot was pushed to a public repository. Its copy, used at once:',
    `    our API         ${glyph.bad} it let the thief in`,
    `  Noor, of security, revokes it: ${lease} is over after ${ms.toFixed(0)} ms. The copy, used again:`,
    ...refusals.map(
      (says, i) => `    ${i === 0 ? 'our API  ' : 'new lease'}       ${glyph.ok} ${says}`,
    ),
    '  Nothing else of the app has stopped: its next run has a token of its own.',
  ]
  return {
    result: { app: 'invoice-bot', lease, ms, refusals },
    lines,
    next: 'leasehold log invoice-bot',
    ok: true,
  }
}

async function drift(company: Company, number: number): Promise<DemoAnswer> {
  const { slug } = appOf(company, 'late-payers')
  const run = await act.beginRun(company, appOf(company, slug), number)
  const { shortId, id } = run.issued.lease
  await changePassword(company, run)
  await seeDrift(company)
  const sam = await company.people.as('sam')
  const { items } = await sam.get<Many<FindingView>>('/v1/findings')
  const finding = items.find(({ about }) => about === id || about === shortId)
  const lines = [
    `  Somebody changes the password of ${slug}'s ${shortId} at the database itself.`,
    finding === undefined
      ? `    ${glyph.bad} nobody has seen it`
      : `    ${glyph.ok} seen: ${finding.says}`,
  ]
  const ok = finding !== undefined
  return {
    result: { app: slug, lease: shortId, finding: finding?.id ?? null },
    lines,
    next: 'leasehold found ls',
    ok,
  }
}

/** Of an owner who has not left yet: their apps have no owner, and their backup is asked. */
async function leave(company: Company): Promise<DemoAnswer> {
  const { parts, people } = company
  const sam = await people.as('sam')
  const { items } = await sam.get<Many<AppView>>('/v1/apps?state=active')
  const planned = new Map(parts.plan.apps.map(app => [app.slug, app]))
  const kept = ['maya', 'tom', 'priya', 'amara', 'noor', 'ruth', 'ines']
  const goes = items
    .map(app => ({ app, plan: planned.get(app.slug) }))
    .find(
      ({ app, plan }) =>
        plan &&
        plan.owner.name === app.owner.name &&
        app.owner.isLiving &&
        !kept.includes(plan.owner.sub),
    )
  if (goes?.plan === undefined) throw new Error('Everybody who could leave has left.')
  const { owner } = goes.plan
  await leaveCompany(company, owner.sub)
  const after = (await sam.get<Many<AppView>>('/v1/apps')).items
  const left = after.filter(app => app.owner.name === owner.name && app.state !== 'ended')
  const lines = [
    `  ${owner.name} has left the company. Without an owner:`,
    ...left.map(app => `    ${glyph.wait} ${app.slug}   ${app.says}`),
    `  The backup is asked. Nobody in three days: it is paused, and nothing is deleted.`,
  ]
  const ok = left.length > 0 && left.every(app => !app.owner.isLiving)
  const result = { person: owner.name, apps: left.map(({ slug }) => slug) }
  return { result, lines, next: `leasehold show ${goes.app.slug}`, ok }
}

async function ask(company: Company): Promise<DemoAnswer> {
  const { parts } = company
  const app = await nextToAsk(company)
  const request = await act.askData(company, { ...app, resource: 'crm.deals' })
  const lines = [
    `  ${request.says}   ${request.shortId}`,
    ...request.gives.map(each => `    ${each}`),
    `  It waits for ${request.approvers.join(' or ')}. Be Tom and answer:`,
    `    ${parts.issuer}/sign-in/company?login_hint=tom&to=/requests/${request.shortId}`,
  ]
  return {
    result: { app: app.slug, request: request.id },
    lines,
    next: `leasehold show ${request.shortId}`,
    ok: true,
  }
}

/** The first of those running that neither has the deals nor waits for them. */
async function nextToAsk({ parts, people }: Company): Promise<PlannedApp> {
  const sam = await people.as('sam')
  const [apps, open] = await Promise.all([
    sam.get<Many<AppView>>('/v1/apps?state=active'),
    sam.get<Many<RequestView>>('/v1/requests?state=open'),
  ])
  const living = new Map(apps.items.map(app => [app.slug, app]))
  const app = parts.plan.apps.find(({ slug, owner, fate, resource }) => {
    const is = living.get(slug)
    const isTheirs = is?.owner.name === owner.name && is.owner.isLiving
    const isFree = !open.items.some(request => request.app === slug)
    return isTheirs && isFree && fate === 'running' && resource !== 'crm.deals'
  })
  if (app === undefined) throw new Error('Every app has asked already: answer one.')
  return app
}
