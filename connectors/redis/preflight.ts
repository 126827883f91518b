/**
 * The canary: before anything is issued here, a whole life of a user that may do nothing, so that a
 * missing right, a server open to all or one that does not end sessions is met now. Stops at the first
 * step that fails.
 */
import type { Preflight } from '../../src/core/target/target.ts'
import {
  newCanary,
  play,
  randomSecret,
  type Step,
  sweepCanaries,
  whyNotGone,
} from '../rest/canary.ts'
import { type Call, explain, pathTo } from './links.ts'
import { end, ensureHolder, issue, listUsers, removeHolder, verifyHolderGone } from './users.ts'
import { verifyGone } from './verify.ts'

type Check = Step<Call>

export function preflight(call: Call): Promise<Preflight> {
  const canary = newCanary(call.clock, { object: { keys: ['none'] } })
  return play(steps, { call, canary }, explain)
}

const checkServer: Check = async call => {
  const info = String(await call.use(ask => ask('INFO', 'server', 'replication')))
  const says = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]
  if (!(Number.parseInt(says('redis_version') ?? '', 10) >= 7))
    return 'Redis 7 or newer is needed: older ones can not tell reading from writing by key.'
  if (says('redis_mode') !== 'standalone')
    return 'Users live at one node each, and this is one of many. Connect a server that stands alone.'
  return says('role') === 'master' ? undefined : 'This is a replica. Connect the primary.'
}

const checkClosed: Check = async call => {
  const { says } = await call.signIn(undefined)
  if (says === 'refused') return undefined
  return 'The server lets people in without a password: turn its `default` user off, or give it one.'
}

const sweepOld: Check = async (call, canary) => {
  const users = await call.use(listUsers)
  return sweepCanaries(
    users.map(({ name }) => name),
    call.clock,
    {
      end: principal => end(call, { ...canary, principal }),
      removeHolder: name => removeHolder(call, name),
    },
  )
}

const refuseWrongPassword: Check = async (call, { principal }) => {
  const { says } = await call.signIn({ user: principal, password: randomSecret() })
  return says === 'refused' ? undefined : `The path let a wrong password in (${says}).`
}

const endCanary: Check = async (call, canary) => {
  let goesOn = false
  const account = { user: canary.principal, password: canary.secret }
  const { says } = await call.signIn(account, async ask => {
    await end(call, canary)
    goesOn = await ask('PING').then(
      () => true,
      () => false,
    )
  })
  if (says !== 'accepted') return `The credential was not accepted (${says}).`
  return goesOn ? 'Its open session went on after the user was removed.' : undefined
}

const checkGone: Check = async (call, canary) =>
  whyNotGone(await verifyGone(call, { ...canary, acceptedPath: pathTo(call.config) }))

const removeCanaryHolder: Check = async (call, { holder, owner }) => {
  for (const name of [holder, owner]) {
    await removeHolder(call, name)
    const { listed, residue } = await verifyHolderGone(call, name)
    if (listed !== 'absent' || residue.length > 0) return `${name} is still there.`
  }
  return undefined
}

const steps: readonly [string, Check][] = [
  ['server', checkServer],
  ['closed to who has no password', checkClosed],
  ['canaries of before are gone', sweepOld],
  ['made', (call, canary) => ensureHolder(call, canary).then(() => undefined)],
  ['accepted', (call, canary) => issue(call, canary).then(() => undefined)],
  ['wrong password refused', refuseWrongPassword],
  ['ended with its session open', endCanary],
  ['refused and gone', checkGone],
  ['rights holder gone', removeCanaryHolder],
]
