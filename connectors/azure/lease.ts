/**
 * The life of a lease: an application of its own with the roles of its grant, and one access token of it
 * for Resource Manager. What the token was asked for with never leaves us, and is thrown away at once: so
 * there is one token, and its holder can fetch no other.
 */

import * as time from '../../src/core/base/time.ts'
import type { EndOrder, Issued, IssueOrder } from '../../src/core/target/target.ts'
import { bothOf, over, requireTime } from '../rest/cloud.ts'
import { ourName } from '../rest/names.ts'
import { type App, findApp, findPrincipal, makeApp, markOf, removeApp } from './apps.ts'
import type { Cloud } from './cloud.ts'
import { parseObject, scopeOf } from './config.ts'
import { requireExact, rolesOf } from './holder.ts'
import { claimsOf, isNotYet, isToken, refused, rest, unavailable } from './login.ts'
import { agreedOf, give, listAt, take } from './rights.ts'
import { newSecret } from './secret.ts'

const bounds = { tries: 20, restMs: 500 }

export function acceptedPathOf({ hostOf }: Cloud, scope: string, principal: string): string {
  return `permissions at ${hostOf('arm')} on ${scope}, as ${principal}`
}

export async function issue(cloud: Cloud, order: IssueOrder, signal: AbortSignal) {
  // One lease has one token: where there is one already, no other is made.
  if (isToken(order.secret)) return renew(cloud, order, signal)
  const { principal: name, holder } = order
  ourName(name)
  const agreed = agreedOf(cloud, order)
  requireTime(cloud, order)
  await requireExact(cloud, { holder, agreed }, signal)
  // 1. The application, which opens nothing by itself.
  const mark = { of: holder, at: agreed.scope }
  const { app, principalId } = await makeApp(cloud, { name, mark, isEnabled: true }, signal)
  // 2. Its roles.
  requireTime(cloud, order)
  const { scope } = agreed
  const of = { scope, principalId, description: `${holder} ${name}`, deadline: order.deadline }
  const giving = async () => {
    for (const role of agreed.roles) await give(cloud, { ...of, role }, signal)
  }
  // 3. Meanwhile the token, for replicas take their time for both; tried until Azure knows its rights.
  const [secret] = await bothOf(mint(cloud, { app, order }, signal), giving())
  for (let tries = 1; ; tries++) {
    const { says, because } = await cloud.tryToken(secret, agreed.scope, signal)
    if (says === 'accepted') break
    if (says === 'unclear' || tries === bounds.tries)
      throw unavailable(`did not let the token do what was agreed (${because})`)
    await rest(bounds.restMs, signal)
  }
  return { ...issuedOf(cloud, order, secret), secret }
}

interface Minting {
  readonly app: App
  readonly order: Pick<IssueOrder, 'principal' | 'deadline'>
}

/** Entra learns of an application, and of what it proves itself by, a while later. */
export async function mint(cloud: Cloud, { app, order }: Minting, signal: AbortSignal) {
  requireTime(cloud, order)
  const made = await newSecret(cloud, app, order.principal, signal)
  try {
    for (let tries = 1; ; tries++) {
      requireTime(cloud, order)
      const proof = await made.prove()
      const asked = { clientId: app.appId, proof, service: 'arm' } as const
      const got = await cloud.askToken(asked, signal)
      if (!('code' in got)) return got.access_token
      if (!isNotYet(got.code)) throw refused(`Entra gives no token (AADSTS${got.code}).`)
      if (tries === bounds.tries) throw unavailable('has not heard of an application that is new')
      await rest(bounds.restMs, signal)
    }
  } finally {
    // What is left of it the end of the lease takes with the application.
    await made.remove().catch(() => {})
  }
}

/** No other token is made: Entra can not let this one live longer, and says when it is over. */
export async function renew(cloud: Cloud, order: IssueOrder, signal: AbortSignal): Promise<Issued> {
  ourName(order.principal)
  ourName(order.holder)
  ourName(order.owner)
  if (!isToken(order.secret)) throw over('No token of this lease is known.')
  requireTime(cloud, order)
  if (order.endsAt > diesAtOf(order.secret)) throw over('Entra lets the token die before that.')
  const scope = scopeOf(parseObject(order.object))
  const { says, because } = await cloud.tryToken(order.secret, scope, signal)
  if (says === 'refused') throw over('Azure does not take the token any more.')
  if (says === 'unclear') throw unavailable(`did not let the token be tried (${because})`)
  return issuedOf(cloud, order, order.secret)
}

/** Disabling stops no token that Entra gave: what it may do is taken away. */
export async function hold(cloud: Cloud, principal: string, signal: AbortSignal): Promise<void> {
  const mark = markOf((await findApp(cloud, principal, signal))?.notes)
  if (mark === undefined) throw refused('What stands beside the lease is not ours.')
  await takeOwn(cloud, { principal, holder: mark.of, scope: mark.at }, signal)
}

/** What its grant has now is given back, where it may be given at all, and nothing else. */
export async function release(cloud: Cloud, principal: string, signal: AbortSignal) {
  const app = await findApp(cloud, principal, signal)
  const mark = markOf(app?.notes)
  const own = app && (await findPrincipal(cloud, app, signal))
  if (mark === undefined || own === undefined)
    throw refused('The lease is not there as it was made.')
  const { of: holder, at: scope } = mark
  const allowed = Object.values(cloud.config.roles)
  const has = await rolesOf(cloud, holder, scope, signal)
  for (const role of has.filter(each => allowed.includes(each))) {
    const description = `${holder} ${principal}`
    await give(cloud, { scope, role, principalId: own.id, description }, signal)
  }
}

/** Each step whatever became of the one before; the first that failed says so. */
export async function end(cloud: Cloud, order: EndOrder, signal: AbortSignal): Promise<void> {
  const { principal, holder } = order
  ourName(principal)
  ourName(holder)
  ourName(order.owner)
  const scope = scopeOf(parseObject(order.object))
  const done = await Promise.allSettled([takeOwn(cloud, { principal, holder, scope }, signal)])
  const gone = await Promise.allSettled([removeApp(cloud, principal, signal)])
  for (const each of [...done, ...gone]) if (each.status === 'rejected') throw each.reason
}

interface Owning {
  readonly principal: string
  readonly holder: string
  readonly scope: string
}

async function takeOwn(cloud: Cloud, { principal, holder, scope }: Owning, signal: AbortSignal) {
  const own = (await listAt(cloud, scope, signal)).filter(
    ({ description }) => description === `${holder} ${principal}`,
  )
  for (const each of own) await take(cloud, each, signal)
}

function issuedOf(cloud: Cloud, { principal, object }: IssueOrder, secret: string): Issued {
  const scope = scopeOf(parseObject(object))
  const { url, tenant } = cloud.config
  const where = url ?? `https://${cloud.hostOf('arm')}`
  const connect = { path: '', speaks: 'http', url: where, scope, tenant }
  const acceptedPath = acceptedPathOf(cloud, scope, principal)
  return { acceptedPath, diesAt: diesAtOf(secret), connect }
}

const diesAtOf = (token: string): time.Instant =>
  time.fromMs(Math.min(claimsOf(token).exp, 4e9) * 1000)

/** INVARIANT: Azure can be told no deadline; so nothing that opens something is begun after it. */
