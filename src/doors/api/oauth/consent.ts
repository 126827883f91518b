/**
 * The authorization endpoint: a page where a person lets an MCP client act for one of their apps, or does
 * not. There is nothing between the two requests but what the form holds, and a seal that ties all of it
 * to the browser session it was shown in: no id of an ask could be taken from one browser to another.
 */
import { base64url, equalInConstantTime, hmacSha256 } from '../../../core/base/hash.ts'
import { Problem } from '../../../core/base/problem.ts'
import * as clients from '../../../life/sign-in/client.ts'
import type { Session } from '../../../life/sign-in/session.ts'
import { type Choice, choicesOf, nameOf } from '../../../life/sign-in/work.ts'
import { allowFormTo, sendPage, sendRedirect } from './answer.ts'
import { consentPage } from './pages.ts'
import type { Visit, VisitRoute } from './request.ts'
import { type PagesWorld, readSessionForm, sessionOf } from './sign-in.ts'

export function consentRoute(world: PagesWorld): VisitRoute {
  return { get: visit => show(world, visit), post: visit => answer(world, visit) }
}

async function show(world: PagesWorld, visit: Visit): Promise<void> {
  const { req, request, res } = visit
  const ask = clients.readAsk(request.query)
  const session = await sessionOf(world, request)
  if (session === undefined)
    return sendRedirect(res, `/sign-in?to=${encodeURIComponent(req.url ?? '/')}`)
  const shown = await look(world, session, ask)
  // Browsers hold the answer to a form to this as well, and the answer sends them to the client.
  allowFormTo(res, shown.client.redirect.origin)
  const held = { ...ask, csrf: session.csrf, seal: sealOf(session, ask) }
  sendPage(res, consentPage(session, { ...shown, held }))
}

async function answer(world: PagesWorld, visit: Visit): Promise<void> {
  // 1. From our own page, shown to this session, for exactly this ask.
  const { form, session } = await readSessionForm(world, visit)
  const ask = clients.readAsk(form)
  if (!equalInConstantTime(form.get('seal') ?? '', sealOf(session, ask)))
    throw bad('seal', 'This answer is to something else than you were shown.')
  // 2. What was shown is read again: it may have changed meanwhile.
  const { client, choices } = await look(world, session, ask)
  const choice = form.get('says') === 'no' ? undefined : chosen(choices, form.get('work'))
  // 3. Written down, and only then told.
  const personId = session.person.id
  sendRedirect(visit.res, await clients.answerClient(world, { personId, ask, client, choice }))
}

async function look(world: PagesWorld, { person }: Session, ask: clients.Ask) {
  const resource = clients.resourceOf(world, ask)
  const client = await clients.readClient(ask, world.documents)
  return { resource, client, choices: choicesOf(world, person.id, resource.id) }
}

/** One of those this person has now: somebody else's app is none of them. */
function chosen(choices: readonly Choice[], named: string | undefined): Choice {
  const choice = choices.find(each => nameOf(each) === named)
  if (choice !== undefined) return choice
  throw bad('work', 'Choose one of the apps you own or back up that may use this.')
}

function sealOf({ csrf }: Session, ask: clients.Ask): string {
  return base64url(hmacSha256(Buffer.from(csrf), JSON.stringify(['ask', ask])))
}

function bad(field: string, detail: string): Problem {
  const next = 'Start the sign-in of your client again.'
  return new Problem('bad-request', { field, detail, next })
}
