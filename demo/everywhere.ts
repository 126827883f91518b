/**
 * One app with access in nine systems, and its end: what is proven gone where, and what no API lets anybody
 * prove. PostgreSQL is real; the others are pretend systems that keep their own lists, which are asked last.
 */
import { createHash } from 'node:crypto'
import type {
  IssuedLeaseView,
  LogCheckView,
  OffboardingView,
  PlanItem,
  RequestView,
  TargetView,
} from '../src/doors/api/contract.ts'
import {
  gated,
  handed,
  type PretendSystems,
  slugOf,
  whole,
} from '../test/support/pretend-systems.ts'
import { exchangeToken } from './client.ts'
import type { Parts } from './parts.ts'
import { countOrphans, countText, type Tell, writeCertificate } from './story.ts'

const app = 'partner-desk'
const all = ['crm.deals', ...gated, ...handed, whole]

export type Everywhere = Awaited<ReturnType<typeof playEverywhere>>

export async function playEverywhere(parts: Parts, systems: PretendSystems, tell: Tell) {
  const started = performance.now()
  await connect(parts, systems, tell)
  await makeApp(parts, tell)
  const leases = await work(parts, tell)
  await useOne(systems, leases, tell)
  const first = await end(parts, tell)
  const open = tellItems(first, tell)
  const notion = await sayByHand(parts, systems, open, tell)
  const path = `demo/${app}.end.json`
  await writeCertificate(parts, app, path)
  tell(9, `End certificate written          ${path}`, undefined, [
    'It is not green: it names the one thing that a person says, and nobody else can prove.',
  ])
  const log = await parts.sam.client.post<LogCheckView>('/v1/log/check')
  const orphans = (await countOrphans(parts)) + left(systems)
  const seconds = (performance.now() - started) / 1000
  tell(
    10,
    `${log.entries} log entries, ${log.verified ? 'signed' : 'NOT VERIFIED'}           ${orphans} orphans · ${seconds.toFixed(1)} s`,
  )
  const last = await parts.maya.client.get<OffboardingView>(`/v1/apps/${app}/end`)
  return { app, leases: leases.length, offboarding: last, notion, path, log, orphans, seconds }
}

/** A whole canary cycle at each: made, let in, ended, refused, gone. One that fails is not used. */
export async function connect(
  { sam }: Parts,
  { places }: PretendSystems,
  tell: Tell,
): Promise<void> {
  const owned = { columns: [], dataClass: 'internal', dataOwner: 'tom@acme.example' }
  for (const [connector, config, slug, object] of places) {
    const target = slugOf(connector)
    const asked = { slug: target, connector, config, production: false }
    const { preflightState } = await sam.client.post<TargetView>('/v1/targets', asked)
    if (preflightState !== 'passed') throw new Error(`${target}: the canary ${preflightState}`)
    await sam.client.post('/v1/resources', { slug, target, object, ...owned })
  }
  const notes = { slug: whole, target: 'notion', object: { connection: true } }
  await sam.client.post('/v1/resources', { ...notes, ...owned })
  tell(1, `Sam connects ${places.map(([connector]) => slugOf(connector)).join(', ')}.`, undefined, [
    'Each played a canary: made, let in, ended, refused, gone.',
  ])
}

async function makeApp({ maya, tom }: Parts, tell: Tell): Promise<void> {
  const purpose = { purpose: 'one page of what a partner has with us', days: 5 }
  await maya.client.post('/v1/apps', { slug: app, backup: 'tom@acme.example', ...purpose })
  const needs = all.map(name => `      - resource: ${name}\n        actions: [read]\n`)
  const yaml = `app: ${app}\npurposes:\n  look:\n    says: Looks\n    needs:\n${needs.join('')}`
  await maya.client.put(`/v1/apps/${app}/manifest`, { yaml })
  const trust = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  await maya.client.post(`/v1/apps/${app}/trust`, trust)
  for (const resource of all) {
    const asked = { app, resource, actions: ['read'], reason: 'to show it on one page' }
    const request = await maya.client.post<RequestView>('/v1/requests', asked)
    const yes = { says: 'yes', bodyHash: request.bodyHash }
    await tom.client.post(`/v1/requests/${request.id}/answer`, yes)
  }
  tell(2, `Maya makes ${app} and asks to read ${all.length} things; Tom says yes to each.`)
}

type Issued = IssuedLeaseView & { readonly resource: string }

async function work(parts: Parts, tell: Tell): Promise<Issued[]> {
  const { body } = await exchangeToken(parts.address, parts.maya.token, {
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    identity: `${app}/run`,
    scope: 'look',
    run: crypto.randomUUID(),
  })
  const workload = parts.as(body.access_token ?? '')
  const issued: Issued[] = []
  for (const resource of all) {
    const via = handed.includes(resource) ? 'env' : 'proxy'
    const lease = { resource, actions: ['read'], via }
    issued.push({ ...(await workload.post<IssuedLeaseView>('/v1/leases', lease)), resource })
  }
  const told = issued.map(({ lease, handle }) => {
    const has = handle.via === 'proxy' ? 'a word for our gateway' : 'a credential of its own'
    return `${lease.target.padEnd(14)} ${lease.shortId}   ${has}`
  })
  tell(3, `For one task it gets ${issued.length} leases:`, undefined, told)
  return issued
}

/** What was made lets somebody in, or its end would prove nothing. */
async function useOne(
  { aws }: PretendSystems,
  leases: readonly Issued[],
  tell: Tell,
): Promise<void> {
  const handle = leases.find(({ resource }) => resource === 'bucket')?.handle
  if (handle?.via !== 'env') throw new Error('the session of AWS was not handed over')
  await aws.use(handle.secret, 's3:GetObject', 'arn:aws:s3:::acme-deals/q4.csv')
  tell(4, 'It reads a file at AWS with its session.', 'accepted')
}

async function end({ maya }: Parts, tell: Tell): Promise<OffboardingView> {
  const path = `/v1/apps/${app}/end`
  const { planHash } = await maya.client.post<OffboardingView>(path, {})
  const done = await maya.client.post<OffboardingView>(path, { planHash })
  tell(5, `Maya ends the app: ${countText(done, { lease: ['credential', 'credentials'] })}.`)
  const isAll = done.green === done.of
  tell(null, `${done.green} of ${done.of} verified gone`, isAll ? 'gone' : 'refused')
  return done
}

/** By system: what is known of it, and how. Answers what is not green. */
function tellItems({ items }: OffboardingView, tell: Tell): PlanItem[] {
  const open = items.filter(({ state }) => state !== 'verified-gone')
  const systems = Map.groupBy(items, item => item.system)
  const lines = [...systems].map(([system, own]) => {
    const green = own.filter(({ state }) => state === 'verified-gone').length
    const paths = [...new Set(own.flatMap(item => item.paths))]
    return `${system.padEnd(14)} ${green} of ${own.length}   by ${paths.join(' · ')}`
  })
  tell(6, 'Looked at each system itself:', undefined, lines)
  for (const { system, state, because } of open)
    tell(7, `${system}: ${state.replace('-', ' ')}`, 'refused', [because ?? ''])
  return open
}

/** An internal connection of Notion is deleted by hand; a person says so, and shows it. */
async function sayByHand(
  { maya }: Parts,
  systems: PretendSystems,
  [left]: readonly PlanItem[],
  tell: Tell,
) {
  if (left === undefined) throw new Error('what no API shows was called gone')
  const path = `/v1/apps/${app}`
  // AWS may not show a role for a minute that was just made, so one that is not there is not known to be gone.
  systems.clock.advance(2 * 60_000)
  systems.notion.deleteByHand()
  const { planHash } = await maya.client.get<OffboardingView>(`${path}/end`)
  await maya.client.post(`${path}/end`, { planHash })
  const file = Buffer.from('A picture of the settings page, without the connection.\n')
  const fileHash = createHash('sha256').update(file).digest('hex')
  await maya.client.file(`${path}/evidence/${fileHash}`, file)
  const says = 'Deleted under Settings, Connections.'
  const given = { item: left.name, fileHash, says }
  const { items } = await maya.client.post<OffboardingView>(`${path}/evidence`, given)
  const now = items.find(({ id }) => id === left.id)?.state ?? left.state
  tell(
    8,
    'Two minutes later Maya deletes the connection in Notion, and shows a picture of that.',
    undefined,
    [
      `notion: ${now.replace('-', ' ')}, by Maya Ortiz, until she looks again in 90 days. Never green.`,
    ],
  )
  return { before: left.state, after: now }
}

/** By the systems' own lists; of GitHub what only sees metadata is what the server looks with. */
function left({ aws, gcp, azure, github }: PretendSystems): number {
  const ours = github
    .living()
    .filter(({ permissions }) => Object.keys(permissions).join() !== 'metadata')
  return [...aws.living(), ...gcp.living(), ...azure.living(), ...ours].length
}
