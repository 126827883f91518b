/**
 * The canary: before anything is issued here, a whole life of an account that may do nothing, so that
 * a missing right, a path without passwords or a server that does not end sessions is met now.
 *
 * Stops at the first step that fails; each detail names what a database administrator does next.
 */
import { randomBytes } from 'node:crypto'
import { product } from '../../src/core/base/product.ts'
import { addSeconds, toSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Preflight } from '../../src/core/target/target.ts'
import { lockedText, roleName } from './accounts.ts'
import { end } from './end.ts'
import { removeHolder, verifyHolderGone } from './holder.ts'
import { accountOf, issue } from './issue.ts'
import { type Call, pathTo } from './links.ts'
import { recipeSql, serverRights } from './recipe.ts'
import { explain } from './trouble.ts'
import { verifyGone } from './verify.ts'

/** Answers nothing where it holds, otherwise what is wrong and what to do. */
type Step = (call: Call, canary: IssueOrder) => Promise<string | undefined>

export async function preflight(call: Call): Promise<Preflight> {
  const canary = newCanary(call)
  const done: { name: string; ok: boolean; detail?: string }[] = []
  for (const [name, step] of steps) {
    const detail = await step(call, canary).catch(sayProblem)
    done.push(detail === undefined ? { name, ok: true } : { name, ok: false, detail })
    if (detail !== undefined) break
  }
  return { ok: done.every(step => step.ok), steps: done }
}

const checkServer: Step = async call => {
  const [row] = await call.use(sql => sql<Server>(serverText))
  const [, major = 0, minor = 0] =
    /^(\d+)\.(\d+)\..*MariaDB/.exec(row?.version ?? '')?.map(Number) ?? []
  if (major === 0)
    return 'This is not MariaDB. MySQL takes 32 characters as a name, ours are longer.'
  if (major < 10 || (major === 10 && minor < 6)) return 'MariaDB 10.6 or newer is needed.'
  return row?.isReadOnly === 1 ? 'This server is read-only. Connect the primary.' : undefined
}

const checkOwnRights: Step = async call => {
  const rows = await call.use(sql => sql<{ right: string }>(ownRightsText))
  const have = new Set(rows.map(row => row.right))
  if (have.has('SUPER')) return "The connector's account must not have SUPER."
  if (serverRights.every(right => have.has(right))) return undefined
  const { user, probe } = call.config
  const lines = recipeSql({ user, probe: probe.user }).split('\n').slice(2).join(' ')
  return `It lacks a right on the server. A database administrator runs: ${lines}`
}

const sweepCanaries: Step = async (call, canary) => {
  const rows = await call.use(sql =>
    sql<{ name: string }>(`select distinct User as name from mysql.global_priv where User like ?`, [
      `${product.targetPrefix}%\\_canary\\_%`,
    ]),
  )
  for (const { name } of rows) {
    const [prefix, , madeAt] = name.split('_')
    // One of the last minutes can be another replica's, at work.
    if (Number(madeAt) > toSeconds(call.clock.now()) - canaryAgeSeconds) continue
    if (prefix !== product.targetPrefix) await removeHolder(call, name)
    else await end(call, { ...canary, principal: name })
  }
  return undefined
}

const makeCanary: Step = async (call, { holder }) => {
  const text = lockedText(holder, `create role if not exists ${roleName(holder)};`)
  return call.use(sql => sql(text)).then(() => undefined)
}

const refuseWrongPassword: Step = async (call, canary) => {
  const { says } = await call.signIn(accountOf(canary, randomSecret()))
  if (says === 'refused') return undefined
  return `The path ${pathTo(call.config)} let a wrong password in (${says}).`
}

const endCanary: Step = async (call, canary) => {
  let trouble: string | undefined
  const reply = await call.signIn(accountOf(canary, canary.secret), async sql => {
    trouble = await end(call, canary).then(() => undefined, sayProblem)
    if (trouble !== undefined) return
    const goesOn = await sql('select 1').catch(() => undefined)
    if (goesOn !== undefined) trouble = 'Its open session went on after the account was dropped.'
  })
  if (reply.says !== 'accepted') return `The credential was not accepted (${reply.because}).`
  return trouble
}

const checkGone: Step = async (call, canary) => {
  const evidence = await verifyGone(call, { ...canary, acceptedPath: pathTo(call.config) })
  if (judge(evidence) === 'verified-gone') return undefined
  return `It is ${judge(evidence)}: ${evidence.because ?? evidence.residue.join('; ')}`
}

const removeCanaryHolder: Step = async (call, { holder }) => {
  await removeHolder(call, holder)
  const { listed, residue } = await verifyHolderGone(call, holder)
  return listed === 'absent' ? undefined : `${holder} is still there: ${residue.join('; ')}`
}

const steps: readonly [string, Step][] = [
  ['server', checkServer],
  ['own rights', checkOwnRights],
  ['canaries of before are gone', sweepCanaries],
  ['made', makeCanary],
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
    object: { database: 'information_schema', table: 'none' },
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

function sayProblem(thrown: unknown): string {
  const { detail, next } = explain(thrown)
  return next === undefined ? detail : `${detail} ${next}`
}

interface Server {
  readonly version: string
  readonly isReadOnly: number
}

const serverText = 'select version() as version, @@global.read_only as isReadOnly'
const ownRightsText = `select PRIVILEGE_TYPE as \`right\` from information_schema.user_privileges
  where GRANTEE = concat(quote(substring_index(current_user(), '@', 1)), '@',
    quote(substring_index(current_user(), '@', -1)))`
const canaryAgeSeconds = 300
