/**
 * The page where a person answers a device. Needs a browser session, for looking too: codes can not
 * be tried out from outside, and each person has few tries.
 */

import type { PersonId } from '../../../core/base/ids.ts'
import { problemOf } from '../../../core/base/problem.ts'
import { bounds } from '../../../life/sign-in/bounds.ts'
import * as devices from '../../../life/sign-in/device.ts'
import { sendPage, sendRedirect } from './answer.ts'
import { answeredPage, codePage, devicePage } from './pages.ts'
import type { Visit, VisitRoute } from './request.ts'
import { type PagesWorld, readSessionForm, sessionOf } from './sign-in.ts'

export function deviceRoute(world: PagesWorld): VisitRoute {
  const find = countTries(world)
  return { get: visit => showDevice(world, find, visit), post: visit => answer(world, find, visit) }
}

async function showDevice(world: PagesWorld, find: FindDevice, { request, res }: Visit) {
  const typed = request.query.get('user_code')
  const userCode = typed === undefined ? undefined : devices.parseUserCode(typed)
  const session = await sessionOf(world, request)
  if (session === undefined) {
    const to = userCode === undefined ? '/d' : `/d?user_code=${devices.showUserCode(userCode)}`
    return sendRedirect(res, `/sign-in?to=${encodeURIComponent(to)}`)
  }
  if (typed === undefined) return sendPage(res, codePage(session))
  sendPage(res, devicePage(session, await find(session.person.id, userCode)))
}

async function answer(world: PagesWorld, find: FindDevice, visit: Visit): Promise<void> {
  const { form, session } = await readSessionForm(world, visit)
  const says = form.get('says')
  if (says !== 'yes' && says !== 'no') throw problemOf('yes-or-no', { field: 'says' })
  const personId = session.person.id
  const { userCode } = await find(personId, devices.parseUserCode(form.get('user_code') ?? ''))
  await devices.answerDevice(world, world.apiAudience, { personId, userCode, says })
  sendPage(visit.res, answeredPage(says))
}

/** The device that waits under a code. A miss counts: `not-found`, and too many are `rate-limited`. */
type FindDevice = (personId: PersonId, userCode: string | undefined) => Promise<devices.Device>

/** Misses of each person in the life of one code. Per process: a second replica doubles the bound. */
function countTries(world: PagesWorld): FindDevice {
  const misses = new Map<PersonId, number[]>()
  return async (personId, userCode) => {
    const nowMs = world.clock.monotonicMs()
    const since = nowMs - bounds.deviceCodeSeconds * 1000
    const recent = (misses.get(personId) ?? []).filter(ms => ms > since)
    if (recent.length >= bounds.deviceCodeTries)
      throw problemOf('too-many-wrong-codes', { minutes: bounds.deviceCodeSeconds / 60 })
    // Counted before looking, so that many at once are many tries.
    recent.push(nowMs)
    misses.set(personId, recent)
    const found = userCode === undefined ? undefined : await devices.findDevice(world, userCode)
    if (found === undefined) throw devices.noSuchDevice
    recent.pop()
    return found
  }
}
