/**
 * The page where a person answers a device. Needs a browser session, for looking too: codes can not
 * be tried out from outside, and each person has few tries.
 */

import type { PersonId } from '../../../core/base/ids.ts'
import { Problem } from '../../../core/base/problem.ts'
import type { Clock } from '../../../core/base/time.ts'
import { bounds } from '../../../life/sign-in/bounds.ts'
import * as devices from '../../../life/sign-in/device.ts'
import { checkCsrf } from '../../../life/sign-in/session.ts'
import { sendPage, sendRedirect } from './answer.ts'
import type { CookieJar } from './cookies.ts'
import { answeredPage, codePage, devicePage } from './pages.ts'
import { checkSameOrigin, parseForm, readFormText, type Visit, type VisitRoute } from './request.ts'
import { type SignInWorld, sessionOf } from './sign-in.ts'

export interface DeviceWorld extends SignInWorld {
  readonly apiAudience: string
}

export function deviceRoute(world: DeviceWorld, jar: CookieJar): VisitRoute {
  const tries = countTries(world.clock)
  return {
    get: visit => showDevice(world, jar, tries, visit),
    post: visit => answer(world, jar, tries, visit),
  }
}

async function showDevice(
  world: DeviceWorld,
  jar: CookieJar,
  tries: Tries,
  { request, res }: Visit,
): Promise<void> {
  const typed = request.query.get('user_code')
  const userCode = typed === undefined ? undefined : devices.parseUserCode(typed)
  const session = await sessionOf(world, jar, request)
  if (session === undefined) {
    const to = userCode === undefined ? '/d' : `/d?user_code=${devices.showUserCode(userCode)}`
    return sendRedirect(res, `/sign-in?to=${encodeURIComponent(to)}`)
  }
  if (typed === undefined) return sendPage(res, codePage(session))
  const device = await tries.of(session.person.id, async () =>
    userCode === undefined ? undefined : devices.findDevice(world, userCode),
  )
  sendPage(res, devicePage(session, device))
}

async function answer(
  world: DeviceWorld,
  jar: CookieJar,
  tries: Tries,
  { req, request, res }: Visit,
): Promise<void> {
  checkSameOrigin(req, world.issuer)
  const form = parseForm(await readFormText(req))
  const session = await sessionOf(world, jar, request)
  if (session === undefined)
    throw new Problem('not-signed-in', {
      detail: 'You are not signed in any more.',
      next: 'Sign in and open the page again.',
    })
  checkCsrf(session, form.get('csrf'))
  const says = form.get('says')
  if (says !== 'yes' && says !== 'no')
    throw new Problem('bad-request', { field: 'says', detail: '`says` must be `yes` or `no`.' })
  const userCode = devices.parseUserCode(form.get('user_code') ?? '')
  const device = await tries.of(session.person.id, async () =>
    userCode === undefined ? undefined : devices.findDevice(world, userCode),
  )
  await devices.answerDevice(world, world.apiAudience, {
    personId: session.person.id,
    userCode: device.userCode,
    says,
  })
  sendPage(res, answeredPage(says))
}

interface Tries {
  /** What `look` finds; a miss is counted and thrown as `not-found`, too many as `rate-limited`. */
  of<T>(personId: PersonId, look: () => Promise<T | undefined>): Promise<T>
}

/** Misses of each person in the life of one code. Per process: a second replica doubles the bound. */
function countTries(clock: Clock): Tries {
  const misses = new Map<PersonId, number[]>()
  return {
    async of(personId, look) {
      const since = clock.monotonicMs() - bounds.deviceCodeSeconds * 1000
      const recent = (misses.get(personId) ?? []).filter(ms => ms > since)
      if (recent.length >= bounds.deviceCodeTries)
        throw new Problem('rate-limited', {
          detail: 'Too many wrong codes.',
          next: `Wait ${bounds.deviceCodeSeconds / 60} minutes, then start again on the device.`,
        })
      // Counted before looking, so that many at once are many tries.
      recent.push(clock.monotonicMs())
      misses.set(personId, recent)
      const found = await look()
      if (found === undefined) throw devices.noSuchDevice()
      recent.pop()
      return found
    },
  }
}
