/** Routes of signing in and out: the start page, one-time links, the company's provider. */

import type { PersonId } from '../../../core/base/ids.ts'
import { problemOf } from '../../../core/base/problem.ts'
import type { AllowedOrigins } from '../../../core/identity/guard.ts'
import type { LedgerWorld } from '../../../core/ledger/record.ts'
import { signInPerson } from '../../../core/people/sign-in.ts'
import type { CompanySignIn } from '../../../life/sign-in/company.ts'
import { redeemLink } from '../../../life/sign-in/link.ts'
import { endClientsOf } from '../../../life/sign-in/rows.ts'
import * as sessions from '../../../life/sign-in/session.ts'
import { sendPage, sendRedirect } from './answer.ts'
import type { CookieJar } from './cookies.ts'
import { goOnPage, homePage, linkPage, signInPage } from './pages.ts'
import { type Request, readOwnForm, type Visit, type VisitRoute } from './request.ts'

/** What the pages need: of signing in, and of answering devices and clients. */
export interface PagesWorld extends LedgerWorld {
  readonly issuer: string
  readonly apiAudience: string
  /** Origins on this machine or inside whose client documents may be read, for trials. */
  readonly documents: AllowedOrigins
  readonly jar: CookieJar
  readonly company?: CompanySignIn | undefined
  /** Shows the console's first page to who is signed in; left out where it is not built. */
  readonly showConsole?: ((visit: Visit) => void) | undefined
  /** Where somebody who is signed in goes on to an app; undefined where there is none. */
  readonly letIn: (asked: LetIn, id: PersonId) => Promise<string | undefined>
}

/** To which app and path, and the journey that began there. */
export type LetIn = Readonly<Record<'app' | 'from' | 'to', string>>

export function signInRoutes(world: PagesWorld): Map<string, VisitRoute> {
  return new Map<string, VisitRoute>([
    ['/', { get: visit => home(world, visit) }],
    ['/account', { get: visit => home({ ...world, showConsole: undefined }, visit) }],
    ['/sign-in', { get: visit => signIn(world, visit) }],
    ['/sign-in/link', { post: visit => useLink(world, visit) }],
    ['/sign-in/company', { get: visit => leaveForCompany(world, visit) }],
    ['/sign-in/callback', { get: visit => comeFromCompany(world, visit) }],
    ['/open', { get: visit => goOn(world, visit) }],
    ['/sign-out', { post: visit => signOut(world, visit) }],
  ])
}

type SeenBy = Pick<PagesWorld, 'jar' | 'store' | 'clock'>

/** The session of the request's cookie. */
export async function sessionOf(world: SeenBy, request: Request) {
  const secret = world.jar.read(request, 'session')
  return secret === undefined ? undefined : sessions.findSession(world, secret)
}

/** A form of a page that was shown to this session, and to no other. */
export async function readSessionForm(world: PagesWorld, { req, request }: Visit) {
  const form = await readOwnForm(req, world.issuer)
  const session = await sessionOf(world, request)
  if (session === undefined) throw problemOf('signed-out')
  sessions.checkCsrf(session, form.get('csrf'))
  return { form, session }
}

async function home(world: PagesWorld, { req, request, res }: Visit): Promise<void> {
  const link = request.query.get('t')
  if (link !== undefined) return sendPage(res, linkPage(link))
  const session = await sessionOf(world, request)
  if (session === undefined) return sendPage(res, signInPage(world.company?.name, '/'))
  if (world.showConsole === undefined) return sendPage(res, homePage(session))
  world.showConsole({ req, request, res })
}

async function signIn(world: PagesWorld, { request, res }: Visit): Promise<void> {
  sendPage(res, signInPage(world.company?.name, returnPath(request.query.get('to'))))
}

async function useLink(world: PagesWorld, visit: Visit): Promise<void> {
  const form = await readOwnForm(visit.req, world.issuer)
  const given = form.get('link') ?? ''
  const prefix = `${world.issuer}/?t=`
  const secret = given.startsWith(prefix) ? given.slice(prefix.length) : given
  const { session } = await redeemLink(world, secret)
  await keep(world, visit, session)
  sendRedirect(visit.res, returnPath(form.get('to')))
}

async function leaveForCompany(world: PagesWorld, visit: Visit): Promise<void> {
  const { query } = visit.request
  const returnTo = returnPath(query.get('to'))
  const loginHint = query.get('login_hint')?.slice(0, 200)
  const started = await companyOf(world).begin({ returnTo, loginHint })
  world.jar.set(visit.res, 'sign-in', started.secret)
  sendRedirect(visit.res, started.url)
}

async function comeFromCompany(world: PagesWorld, visit: Visit): Promise<void> {
  const { req, request, res } = visit
  world.jar.clear(res, 'sign-in')
  const url = req.url ?? ''
  const { returnTo, ...came } = await companyOf(world).finish({
    search: url.slice(url.indexOf('?') + 1),
    secret: world.jar.read(request, 'sign-in') ?? '',
  })
  const person = await signInPerson(world, came)
  await keep(world, visit, await sessions.startSession(world.store, person.id, world.clock.now()))
  sendRedirect(res, returnTo)
}

/** To an app, as who is signed in here. A page that moves on: a form of ours may lead to nobody else. */
async function goOn(world: PagesWorld, { req, request, res }: Visit): Promise<void> {
  const said = (name: string) => request.query.get(name) ?? ''
  const asked = { app: said('app'), from: said('from'), to: said('to') }
  const session = await sessionOf(world, request)
  if (session === undefined)
    return sendRedirect(res, `/sign-in?to=${encodeURIComponent(returnPath(req.url))}`)
  const to = await world.letIn(asked, session.person.id)
  if (to === undefined) throw problemOf('no-app-there')
  res.setHeader('Refresh', `0; url=${to}`)
  sendPage(res, goOnPage(asked.app, to))
}

async function signOut(world: PagesWorld, visit: Visit): Promise<void> {
  const form = await readOwnForm(visit.req, world.issuer)
  const session = await sessionOf(world, visit.request)
  if (session !== undefined) {
    sessions.checkCsrf(session, form.get('csrf'))
    // The one place where a person can end what they let MCP clients do, on whatever machine.
    await endClientsOf(world.store, session.person.id)
    await sessions.endSession(world, world.jar.read(visit.request, 'session') ?? '')
  }
  world.jar.clear(visit.res, 'session')
  sendRedirect(visit.res, '/')
}

/** The browser gets the new session; the one it came with, whoever planted it, ends. */
async function keep(world: PagesWorld, { request, res }: Visit, session: sessions.NewSession) {
  const old = world.jar.read(request, 'session')
  if (old !== undefined) await sessions.endSession(world, old)
  world.jar.set(res, 'session', session.secret)
}

function companyOf(world: PagesWorld): CompanySignIn {
  if (world.company !== undefined) return world.company
  throw problemOf('no-company-provider-configured')
}

const returns =
  /^\/(open\?[\w.~%&+=:-]{1,2000}|d(\?user_code=[A-Z-]{8,9})?|oauth\/authorize\?[\w.~%!$&'()*+,;=:@/?-]{1,4000})?$/

/** Addresses of the console, which knows by itself what is there. */
export const consolePath =
  /^\/(a|apps|connect|days|decisions|ends|findings|found|holds|leases|log|passkeys|policy|requests|trace)(\/\w[\w.~%:-]{0,199}){0,2}(\?[\w.~%&+=:-]{0,500})?$/

/** Only paths of ours may be returned to; anything else becomes the start page. */
export function returnPath(given = '/'): string {
  return returns.test(given) || consolePath.test(given) ? given : '/'
}
