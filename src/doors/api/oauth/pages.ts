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
import { type Html, html, page } from './html.ts'

const command = `${product.cloneCommand} login`

export function homePage(session: Session): Html {
  const { person } = session
  const vouched = person.iss === localIssuer ? 'this installation' : person.iss
  return page(
    `Signed in as ${person.name}`,
    html`<p role="status"><span class="ok">● signed in</span> until ${at(session.expiresAt)}</p>
<dl>
<dt>Known by</dt><dd>${vouched}</dd>
<dt>Address</dt><dd>${person.email ?? 'none'}</dd>
<dt>May also</dt><dd>${person.roles.length === 0 ? 'nothing special' : person.roles.join(', ')}</dd>
</dl>
<p>Next: run <code>${command}</code> in a terminal, and answer it at <a href="/d">sign in a device</a>.</p>
<form method="post" action="/sign-out">
<input type="hidden" name="csrf" value="${session.csrf}">
<button class="second">Sign out</button>
</form>`,
  )
}

export function signInPage(company: string | undefined, to: string): Html {
  const query = to === '/' ? '' : `?to=${encodeURIComponent(to)}`
  const button =
    company === undefined
      ? undefined
      : html`<p><a class="button" href="/sign-in/company${query}">Sign in with ${company}</a></p>`
  return page(
    'Sign in',
    html`<p role="status"><span class="muted">○ not signed in</span></p>
${button}
<form method="post" action="/sign-in/link">
<input type="hidden" name="to" value="${to}">
<label for="link">Sign-in link</label>
<input id="link" name="link" required autocomplete="off" spellcheck="false">
<p class="muted">Starting the server prints one. It works once, for ${bounds.oneTimeLinkSeconds / 60} minutes.</p>
<button>Sign in</button>
</form>`,
  )
}

/** A link opened is not yet a link used: previews and scanners open links too. */
export function linkPage(secret: string): Html {
  return page(
    'Sign in with this link',
    html`<p>The link works once. Use it in the browser you want to be signed in with.</p>
<form method="post" action="/sign-in/link">
<input type="hidden" name="to" value="/">
<input type="hidden" name="link" value="${secret}">
<button autofocus>Sign in</button>
</form>`,
  )
}

export function codePage(session: Session): Html {
  return page(
    'Sign in a device',
    html`<p>You are <strong>${session.person.name}</strong>.</p>
<form method="get" action="/d">
<label for="code">Code your terminal shows</label>
<input id="code" name="user_code" required autofocus autocomplete="off" autocapitalize="characters"
 spellcheck="false" maxlength="20">
<button>Continue</button>
</form>`,
  )
}

/** RFC 8628 §5.4: the person compares the code and sees who asks, before anything is allowed. */
export function devicePage(session: Session, device: Device): Html {
  const code = showUserCode(device.userCode)
  return page(
    'Let this device act for you?',
    html`<p>It will act as <strong>${session.person.name}</strong> for up to ${bounds.sessionSeconds / 3600} hours.</p>
<dl>
<dt>Code</dt><dd><code class="code">${code}</code></dd>
<dt>Client</dt><dd>${device.clientId}</dd>
<dt>From</dt><dd>${device.ip}</dd>
<dt>It says it is</dt><dd>${device.agent === '' ? 'nothing' : device.agent}</dd>
<dt>Asked</dt><dd>${at(device.askedAt)}</dd>
</dl>
<p><strong>Only say yes if your own terminal shows this code now.</strong>
Nobody else has a reason to send it to you.</p>
<form method="post" action="/d">
<input type="hidden" name="csrf" value="${session.csrf}">
<input type="hidden" name="user_code" value="${device.userCode}">
<button name="says" value="yes">Yes, sign it in</button>
<button class="second" name="says" value="no">No</button>
</form>`,
  )
}

export function answeredPage(says: 'yes' | 'no'): Html {
  return says === 'yes'
    ? page(
        'The device is signed in',
        html`<p role="status" class="ok">● Go back to your terminal.</p>`,
      )
    : page('The device was refused', html`<p role="status">○ It got nothing.</p>`)
}

export interface Consent {
  readonly client: AskedClient
  readonly resource: Pick<ResourceRow, 'slug' | 'dataClass'>
  readonly choices: readonly Choice[]
  readonly held: Readonly<Record<string, string | undefined>>
}

/** The client's name is its own words; the host of its document and where it gets the answer are not. */
export function consentPage(session: Session, { client, resource, choices, held }: Consent): Html {
  const { slug, dataClass } = resource
  return page(
    'Let this client act for an app of yours?',
    html`<p>You are <strong>${session.person.name}</strong>. It will act for you for up to ${bounds.sessionSeconds / 3600} hours;
signing out here ends it.</p>
<dl>
<dt>It says it is</dt><dd>${client.name === '' ? 'nothing' : client.name}</dd>
<dt>Published at</dt><dd><strong>${client.host}</strong></dd>
<dt>Gets the answer at</dt><dd><strong>${client.redirect.host}</strong></dd>
<dt>Wants to use</dt><dd>${slug} (${dataClass} data)</dd>
</dl>
<form method="post" action="/oauth/authorize">
${Object.entries(held).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
${choices.map(
  each => html`<label><input type="radio" name="work" value="${nameOf(each)}">
${each.slug}: ${each.work.purpose} (${each.actions.join(', ')})</label>`,
)}
${choices.length === 0 ? html`<p>○ No app of yours has an agent with a grant on ${slug} and a purpose that needs it.</p>` : undefined}
<p><strong>Only say yes if you started this in your own client just now.</strong></p>
${choices.length === 0 ? undefined : html`<button name="says" value="yes">Yes, let it act</button>`}
<button class="second" name="says" value="no">No</button>
</form>`,
  )
}

export function problemPage(problem: Problem): Html {
  return page(
    problemTable[problem.code].title,
    html`<p role="alert"><span class="bad">✕</span> ${problem.detail}</p>
<p>${problem.next}</p>
<p><a href="/">Back to the start</a></p>`,
  )
}

/** Times are UTC: a page without script does not know where its reader is. */
function at(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`
}
