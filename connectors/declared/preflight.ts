/**
 * The canary: before anything is issued, a whole life of one credential, by the calls that the file
 * declares. Stops at the first step that fails. What the file can not prove is said, and is no failure.
 */
import { randomInt } from 'node:crypto'
import type { Evidence, Issued, IssueOrder, Preflight } from '../../src/core/target/target.ts'
import { isVerified, newCanary, type Steps, settled, sweepCanaries, walk } from '../rest/canary.ts'
import { leastAction, objectValues } from './config.ts'
import { end, ensureRights, issue } from './lease.ts'
import { isNamed } from './sense.ts'
import type { SystemFile } from './shape.ts'
import type { System } from './system.ts'
import { readAll } from './things.ts'
import { gapOf, tryProbe, verifyGone } from './verify.ts'

const bounds = { seconds: 60, tries: 6, restMs: 500 }

export function preflight(system: System, signal: AbortSignal): Promise<Preflight> {
  const { file, name, config } = system
  const least = { object: config.canary, actions: leastAction(config) }
  let canary = newCanary(system.clock, least, bounds.seconds)
  let made: Issued | undefined
  const look = () =>
    verifyGone(system, { ...canary, acceptedPath: made?.acceptedPath ?? null }, signal)
  const gap = gapOf(system)
  const settling = { bounds, refused: system.refused, signal }
  const object = () => objectValues(config, canary.object)
  const steps: Steps = {
    'our credential is taken, and we may look': () => ensureRights(system, canary, signal),
    'canaries of before are gone': () => sweepOld(system, canary, signal),
    'one of nobody’s lease is accepted': async () => {
      if (file.check === undefined || config.probe === undefined) return 'not tried'
      const { says, because } = await tryProbe(system, object(), signal)
      if (says !== 'accepted') throw system.refused(`It is ${says}. ${because}`)
      return undefined
    },
    'one is made': async () => {
      made = await issue(system, canary, signal)
      canary = { ...canary, secret: made.secret ?? canary.secret }
      return file.check === undefined ? 'not tried' : 'and accepted'
    },
    'it is listed': () => settled(look, { ...settling, isSo: isThere(file) }),
    'one that nobody made is refused': async () => {
      if (file.check === undefined) return 'not tried'
      const { says, because } = await system.tryCredential(
        invented(canary.secret),
        object(),
        signal,
      )
      if (says !== 'refused') throw system.refused(`It is ${says}. ${because}`)
      return undefined
    },
    'it is ended': () => end(system, canary, signal),
    'it is refused and gone': async () => {
      await settled(look, { ...settling, isSo: gap === undefined ? isVerified : isGoneAsFar(file) })
      const nameless = isNamed(file) ? '' : ` What is lost on the way has no name at ${name}.`
      return gap === undefined && nameless === '' ? undefined : `${gap ?? ''}${nameless}`.trim()
    },
  }
  return walk(name, steps, () => end(system, canary, signal))
}

/** As far as the file goes. */
const isThere =
  ({ list, find }: SystemFile) =>
  ({ listed, credential }: Evidence) =>
    (listed === 'present' || (list ?? find) === undefined) && credential !== 'refused'

const isGoneAsFar =
  ({ list, find, check }: SystemFile) =>
  ({ listed, credential }: Evidence) =>
    (listed === 'absent' || (list ?? find) === undefined) &&
    (credential === 'refused' || check === undefined)

/** Of a server that was killed. */
async function sweepOld(system: System, canary: IssueOrder, signal: AbortSignal) {
  const { list } = system.file
  if (list === undefined || !isNamed(system.file)) return
  const names = (await readAll(system, list, signal)).map(({ name }) => name)
  const order = { ...canary, secret: null }
  await sweepCanaries(names, system.clock, {
    end: principal => end(system, { ...order, principal }, signal),
    removeHolder: async () => {},
  })
}

/** Of the same form, and of nobody: its second half is another one. */
function invented(secret: string): string {
  const half = Math.floor(secret.length / 2)
  const other = (from: string) => String.fromCharCode(from.charCodeAt(0) + randomInt(26))
  const change = (text: string) =>
    text
      .replaceAll(/[a-z]/g, () => other('a'))
      .replaceAll(/[A-Z]/g, () => other('A'))
      .replaceAll(/\d/g, () => String(randomInt(10)))
  if (!secret.startsWith('{')) return secret.slice(0, half) + change(secret.slice(half))
  const parts = JSON.parse(secret) as Record<string, string>
  return JSON.stringify(
    Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, change(part)])),
  )
}
