/** The plain pages: words and forms. What they say is decided by the routes (sign-in, device). */

import type { Problem } from '../../../core/base/problem.ts'
import { product } from '../../../core/base/product.ts'
import type { ResourceRow } from '../../../core/grant/rows.ts'
import { localIssuer } from '../../../core/people/person.ts'
import { bounds } from '../../../life/sign-in/bounds.ts'
import type { AskedClient } from '../../../life/sign-in/client.ts'
import { type Device, showUserCode } from '../../../life/sign-in/device.ts'
import type { Session } from '../../../life/sign-in/session.ts'
import { type Choice, nameOf } from '../../../life/sign-in/work.ts'
import { problemTable } from '../problems.ts'
import { fill, type Html, html, page } from './html.ts'

const command = `${product.cloneCommand} login`
const hours = bounds.sessionSeconds / 3600

export function homePage({ person, expiresAt, csrf }: Session): Html {
  const vouched = person.iss === localIssuer ? 'this installation' : person.iss
  const roles = person.roles.length === 0 ? 'nothing special' : person.roles.join(', ')
  const email = person.email ?? 'none'
  const parts = { until: at(expiresAt), vouched, email, roles, command, csrf }
  return page(`Signed in as ${person.name}`, fill('home', parts))
}

export function signInPage(named: string | undefined, to: string): Html {
  const query = to === '/' ? '' : `?to=${encodeURIComponent(to)}`
  const company =
    named &&
    html`<p><a class="button" href="/sign-in/company${query}">Sign in with ${named}</a></p>`
  return page('Sign in', fill('sign-in', { company, to, minutes: bounds.oneTimeLinkSeconds / 60 }))
}

/** A link opened is not yet a link used: previews and scanners open links too. */
export const linkPage = (link: string) => page('Sign in with this link', fill('link', { link }))

export const goOnPage = (app: string, to: string) => page(`On to ${app}`, fill('open', { app, to }))

export const codePage = ({ person }: Session) =>
  page('Sign in a device', fill('code', { person: person.name }))

/** RFC 8628 §5.4: the person compares the code and sees who asks, before anything is allowed. */
export function devicePage({ person, csrf }: Session, device: Device): Html {
  const { userCode, clientId: client, ip: from, agent } = device
  const content = fill('device', {
    person: person.name,
    hours,
    csrf,
    userCode,
    client,
    from,
    code: showUserCode(userCode),
    agent: agent || 'nothing',
    asked: at(device.askedAt),
  })
  return page('Let this device act for you?', content)
}

const answered = {
  yes: page('The device is signed in', html`<p role="status" class="ok">● Go back to it.</p>`),
  no: page('The device was refused', html`<p role="status">○ It got nothing.</p>`),
}
export const answeredPage = (says: 'yes' | 'no') => answered[says]

export interface Consent {
  readonly client: AskedClient
  readonly resource: Pick<ResourceRow, 'slug' | 'dataClass'>
  readonly choices: readonly Choice[]
  readonly held: Readonly<Record<string, string | undefined>>
}

/** The client's name is its own words; the host of its document and where it gets the answer are not. */
export function consentPage({ person }: Session, { client, resource, ...asked }: Consent): Html {
  const { slug, dataClass } = resource
  const held = Object.entries(asked.held).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )
  const choices = asked.choices.map(
    each => html`<label><input type="radio" name="work" value="${nameOf(each)}">
${each.slug}: ${each.work.purpose} (${each.actions.join(', ')})</label>`,
  )
  const none = html`<p>○ No app of yours has an agent with a grant on ${slug} and a purpose that needs it.</p>`
  const isAny = choices.length > 0
  const content = fill('consent', {
    person: person.name,
    hours,
    slug,
    dataClass,
    held,
    host: client.host,
    client: client.name || 'nothing',
    redirect: client.redirect.host,
    choices: isAny ? choices : none,
    yes: isAny ? html`<button name="says" value="yes">Yes, let it act</button>` : undefined,
  })
  return page('Let this client act for an app of yours?', content)
}

export const problemPage = ({ code, detail, next }: Problem) =>
  page(problemTable[code].title, fill('problem', { detail, next }))

/** Times are UTC: a page without script does not know where its reader is. */
function at(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`
}
