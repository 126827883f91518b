/**
 * The life of a lease: a service account with the rights of its grant until an hour is over, and one
 * access token of it, which Google makes. Made, tried, stopped, brought back, ended.
 */
import { addSeconds, type Instant, parseInstant } from '../../src/core/base/time.ts'
import type { EndOrder, Issued, IssueOrder } from '../../src/core/target/target.ts'
import { bothOf, over, requireTime } from '../rest/cloud.ts'
import { ourName } from '../rest/names.ts'
import { makeAccount } from './account.ts'
import { type Cloud, isToken, lifeSeconds, refused, rest, unavailable } from './cloud.ts'
import { parseObject } from './config.ts'
import { type Clouds, pathOf, type Rights, requireExact, rightsOf } from './holder.ts'
import * as policies from './policy.ts'

const bounds = { tries: 16, restMs: 500, rightsTries: 6, rightsRestMs: 1_000 }

export function acceptedPathOf({ config, emailOf }: Cloud, principal: string): string {
  const { host } = new URL(config.url ?? 'https://cloudresourcemanager.googleapis.com')
  return `Resource Manager at ${host}, as ${emailOf(principal)}`
}

export async function issue(cloud: Clouds, order: IssueOrder, signal: AbortSignal) {
  // One lease has one token: where there is one already, no other is made.
  if (isToken(order.secret)) return renew(cloud, order, signal)
  ourName(order.principal)
  ourName(order.owner)
  const rights = rightsOf(cloud, order)
  const holder = cloud.emailOf(order.holder)
  requireTime(cloud, order)
  requireExact(await policies.readBindings(cloud, rights.place, signal), holder, rights)
  // 1. The account, which opens nothing by itself.
  const description = `A lease under ${order.holder}.`
  await makeAccount(cloud, { name: order.principal, description }, signal)
  // 2. Its rights, which Google ends with its token's hour.
  requireTime(cloud, order)
  const condition = conditionOf(order.holder, addSeconds(order.deadline, lifeSeconds))
  const email = cloud.emailOf(order.principal)
  const add = (before: readonly policies.Binding[]) => {
    // It may have waited for others, or be asked again after their change.
    requireTime(cloud, order)
    requireExact(before, holder, rights)
    const all = (bindings: typeof before, role: string) =>
      policies.withMember(bindings, { role, condition }, email)
    return rights.roles.reduce(all, before)
  }
  // 3. Meanwhile the token: Google takes its time to hear of an account for both.
  const [secret] = await bothOf(mint(cloud, order, signal), cloud.change(rights.place, add, signal))
  await waitForRights(cloud, { token: secret, rights }, signal)
  return { ...issuedOf(cloud, order, addSeconds(order.deadline, lifeSeconds)), secret }
}

/** Tried once. A new account takes Google a while to hear of. */
export async function mint(cloud: Cloud, order: IssueOrder, signal: AbortSignal): Promise<string> {
  for (let tries = 1; ; tries++) {
    requireTime(cloud, order)
    const made = await cloud.mint(cloud.emailOf(order.principal), signal)
    if (made !== undefined) {
      const { says, because } = await cloud.tryToken(made.accessToken, signal)
      if (says === 'accepted') return made.accessToken
      if (says === 'unclear') throw unavailable(`did not let the token be tried (${because})`)
    }
    if (tries === bounds.tries)
      throw refused(
        'Google makes no token of a new service account for us.',
        'Our own account needs `roles/iam.serviceAccountTokenCreator` on the project of leases.',
      )
    await rest(bounds.restMs, signal)
  }
}

/**
 * Google says that rights take two minutes, and sometimes seven. Mostly they take seconds, which is
 * waited for; what takes longer the holder of the token meets as a refusal that passes.
 */
async function waitForRights(
  cloud: Cloud,
  { token, rights }: { token: string; rights: Rights },
  signal: AbortSignal,
): Promise<void> {
  const { place, proof } = rights
  if (proof === undefined) return
  for (let tries = 1; tries <= bounds.rightsTries && !signal.aborted; tries++) {
    const request = { ...place.test(proof), takes: [403, 404] }
    const { body } = await cloud.as(token, place.service, request, signal)
    if (JSON.stringify(body).includes(`"${proof}"`)) return
    await rest(bounds.rightsRestMs, signal)
  }
}

/** No other token is made: Google can not let this one live longer, and says whether it still lives. */
export async function renew(
  cloud: Clouds,
  order: IssueOrder,
  signal: AbortSignal,
): Promise<Issued> {
  ourName(order.principal)
  ourName(order.owner)
  ourName(order.holder)
  if (!isToken(order.secret)) throw over('No token of this lease is known.')
  requireTime(cloud, order)
  const place = policies.placeOf(parseObject(order.object))
  const email = cloud.emailOf(order.principal)
  const own = (await policies.readBindings(cloud, place, signal)).find(
    ({ condition, members }) =>
      condition?.title === order.holder && members.includes(`serviceAccount:${email}`),
  )
  const diesAt = parseInstant(
    /timestamp\("([^"]*)"\)/.exec(own?.condition?.expression ?? '')?.[1] ?? '',
  )
  if (diesAt === null) throw over('The lease has no rights there any more.')
  if (order.endsAt > diesAt) throw over('Google lets the token die before that.')
  const { says, because } = await cloud.tryToken(order.secret, signal)
  if (says === 'refused') throw over('Google does not take the token any more.')
  if (says === 'unclear') throw unavailable(`did not let the token be tried (${because})`)
  return issuedOf(cloud, order, diesAt)
}

/** Google refuses the tokens of a disabled account, and takes them again of one that is enabled. */
export async function hold(cloud: Cloud, principal: string, signal: AbortSignal): Promise<void> {
  const path = `${pathOf(cloud, cloud.emailOf(principal))}:disable`
  await cloud.call('iam', { method: 'POST', path }, signal)
}

export async function release(cloud: Cloud, principal: string, signal: AbortSignal) {
  const path = `${pathOf(cloud, cloud.emailOf(principal))}:enable`
  await cloud.call('iam', { method: 'POST', path }, signal)
}

/** Each by itself, whatever became of the one before; what stays behind a look names. */
export async function end(cloud: Clouds, order: EndOrder, signal: AbortSignal): Promise<void> {
  const email = cloud.emailOf(order.principal)
  ourName(order.holder)
  ourName(order.owner)
  await hold(cloud, order.principal, signal).catch(() => {})
  const isOurs = (each: policies.Binding) => each.condition?.title === order.holder
  const remove = (all: readonly policies.Binding[]) => policies.withoutMember(all, email, isOurs)
  const place = policies.placeOf(parseObject(order.object))
  await cloud.change(place, remove, signal).catch(() => {})
  await cloud.call('iam', { method: 'DELETE', path: pathOf(cloud, email), takes: [404] }, signal)
}

/** The title says of which grant it is. */
function conditionOf(holder: string, until: Instant) {
  return { title: holder, expression: `request.time < timestamp("${until}")` }
}

function issuedOf(cloud: Cloud, { principal, object }: IssueOrder, diesAt: Instant): Issued {
  const { url } = cloud.config
  const place = policies.placeOf(parseObject(object))
  const hosts = { storage: 'storage', secrets: 'secretmanager' } as const
  const host =
    place.service === 'storage' || place.service === 'secrets' ? hosts[place.service] : 'www'
  const connect = {
    path: '',
    speaks: 'http',
    url: url ?? `https://${host}.googleapis.com`,
    serviceAccount: cloud.emailOf(principal),
    place: place.name,
  }
  return { acceptedPath: acceptedPathOf(cloud, principal), diesAt, connect }
}

/** INVARIANT: Google can be told no deadline; so nothing that opens something is begun after it. */
