/**
 * The canary: before anything is issued here, a whole life of a user that may do nothing, so that a
 * missing right, a server open to all or one that does not end sessions is met now. Stops at the first
 * step that fails.
 */
import { randomBytes } from 'node:crypto'
import { product } from '../../src/core/base/product.ts'
import { addSeconds, toSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Preflight } from '../../src/core/target/target.ts'
import { type Call, explain, pathTo } from './links.ts'
import { end, ensureHolder, issue, listUsers, removeHolder, verifyHolderGone } from './users.ts'
import { verifyGone } from './verify.ts'

/** Answers nothing where it holds, otherwise what is wrong and what to do. */
type Step = (call: Call, canary: IssueOrder) => Promise<string | undefined>

export async function preflight(call: Call): Promise<Preflight> {
  const canary = newCanary(call)
  const done: { name: string; ok: boolean; detail?: string }[] = []
  for (const [name, step] of steps) {
    const detail = await step(call, canary).catch((thrown: unknown) => {
      const { detail, next } = explain(thrown)
      return `${detail} ${next ?? ''}`
    })
    done.push(detail === undefined ? { name, ok: true } : { name, ok: false, detail })
    if (detail !== undefined) break
  }
  return { ok: done.every(step => step.ok), steps: done }
}

const checkServer: Step = async call => {
  const info = String(await call.use(ask => ask('INFO', 'server', 'replication')))
  const says = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]
  if (!(Number.parseInt(says('redis_version') ?? '', 10) >= 7))
    return 'Redis 7 or newer is needed: older ones can not tell reading from writing by key.'
  if (says('redis_mode') !== 'standalone')
    return 'Users live at one node each, and this is one of many. Connect a server that stands alone.'
  return says('role') === 'master' ? undefined : 'This is a replica. Connect the primary.'
}

const checkClosed: Step = async call => {
  const { says } = await call.signIn(undefined)
  if (says === 'refused') return undefined
  return 'The server lets people in without a password: turn its `default` user off, or give it one.'
}

const sweepCanaries: Step = async (call, canary) => {
  for (const { name } of await call.use(listUsers)) {
    const [prefix, word, madeAt] = name.split('_')
    const kind = ['', 'g', 'o'].findIndex(each => prefix === `${product.targetPrefix}${each}`)
    // One of the last minutes can be another replica's, at work.
    const isOld = Number(madeAt) <= toSeconds(call.clock.now()) - canaryAgeSeconds
    if (kind < 0 || word !== 'canary' || !isOld) continue
    await (kind === 0 ? end(call, { ...canary, principal: name }) : removeHolder(call, name))
  }
  return undefined
}

const refuseWrongPassword: Step = async (call, { principal }) => {
  const { says } = await call.signIn({ user: principal, password: randomSecret() })
  return says === 'refused' ? undefined : `The path let a wrong password in (${says}).`
}

const endCanary: Step = async (call, canary) => {
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

const checkGone: Step = async (call, canary) => {
  const evidence = await verifyGone(call, { ...canary, acceptedPath: pathTo(call.config) })
  if (judge(evidence) === 'verified-gone') return undefined
  return `It is ${judge(evidence)}: ${evidence.because ?? evidence.residue.join('; ')}`
}

const removeCanaryHolder: Step = async (call, { holder, owner }) => {
  for (const name of [holder, owner]) {
    await removeHolder(call, name)
    const { listed, residue } = await verifyHolderGone(call, name)
    if (listed !== 'absent' || residue.length > 0) return `${name} is still there.`
  }
  return undefined
}

const steps: readonly [string, Step][] = [
  ['server', checkServer],
  ['closed to who has no password', checkClosed],
  ['canaries of before are gone', sweepCanaries],
  ['made', (call, canary) => ensureHolder(call, canary).then(() => undefined)],
  ['accepted', (call, canary) => issue(call, canary).then(() => undefined)],
  ['wrong password refused', refuseWrongPassword],
  ['ended with its session open', endCanary],
  ['refused and gone', checkGone],
  ['rights holder gone', removeCanaryHolder],
]

/** Named with its time, so that one that was left behind can be told from one at work. */
function newCanary({ clock }: Call): IssueOrder {
  const now = clock.now()
  const id = `canary_${toSeconds(now)}_${randomBytes(8).toString('hex')}`
  return {
    principal: `${product.targetPrefix}_${id}`,
    holder: `${product.targetPrefix}g_${id}`,
    owner: `${product.targetPrefix}o_${id}`,
    object: { keys: ['none'] },
    actions: [],
    columns: [],
    secret: randomSecret(),
    deadline: addSeconds(now, canaryAgeSeconds),
    endsAt: addSeconds(now, canaryAgeSeconds),
  }
}

function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

const canaryAgeSeconds = 300
