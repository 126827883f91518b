/**
 * The canary: before anything is issued here, a whole life of an account that may do nothing, so that
 * a missing right, a path without passwords or a server that does not end sessions is met now.
 *
 * Stops at the first step that fails; each detail names what a database administrator does next.
 */
import { product } from '../../src/core/base/product.ts'
import type { Preflight } from '../../src/core/target/target.ts'
import {
  newCanary,
  play,
  randomSecret,
  type Step,
  sayProblem,
  sweepCanaries,
  whyNotGone,
} from '../rest/canary.ts'
import { lockedText, roleName } from './accounts.ts'
import { end } from './end.ts'
import { removeHolder, verifyHolderGone } from './holder.ts'
import { accountOf, issue } from './issue.ts'
import { type Call, pathTo } from './links.ts'
import { recipeSql, serverRights } from './recipe.ts'
import { explain } from './trouble.ts'
import { verifyGone } from './verify.ts'

type Check = Step<Call>

export function preflight(call: Call): Promise<Preflight> {
  const canary = newCanary(call.clock, {
    object: { database: 'information_schema', table: 'none' },
  })
  return play(steps, { call, canary }, explain)
}

const checkServer: Check = async call => {
  const [row] = await call.use(sql => sql<Server>(serverText))
  const [, major = 0, minor = 0] =
    /^(\d+)\.(\d+)\..*MariaDB/.exec(row?.version ?? '')?.map(Number) ?? []
  if (major === 0)
    return 'This is not MariaDB. MySQL takes 32 characters as a name, ours are longer.'
  if (major < 10 || (major === 10 && minor < 6)) return 'MariaDB 10.6 or newer is needed.'
  return row?.isReadOnly === 1 ? 'This server is read-only. Connect the primary.' : undefined
}

const checkOwnRights: Check = async call => {
  const rows = await call.use(sql => sql<{ right: string }>(ownRightsText))
  const have = new Set(rows.map(row => row.right))
  if (have.has('SUPER')) return "The connector's account must not have SUPER."
  if (serverRights.every(right => have.has(right))) return undefined
  const { user, probe } = call.config
  const lines = recipeSql({ user, probe: probe.user }).split('\n').slice(2).join(' ')
  return `It lacks a right on the server. A database administrator runs: ${lines}`
}

const sweepOld: Check = async (call, canary) => {
  const rows = await call.use(sql =>
    sql<{ name: string }>(`select distinct User as name from mysql.global_priv where User like ?`, [
      `${product.targetPrefix}%\\_canary\\_%`,
    ]),
  )
  return sweepCanaries(
    rows.map(({ name }) => name),
    call.clock,
    {
      end: principal => end(call, { ...canary, principal }),
      removeHolder: name => removeHolder(call, name),
    },
  )
}

const makeCanary: Check = async (call, { holder }) => {
  const text = lockedText(holder, `create role if not exists ${roleName(holder)};`)
  return call.use(sql => sql(text)).then(() => undefined)
}

const refuseWrongPassword: Check = async (call, canary) => {
  const { says } = await call.signIn(accountOf(canary, randomSecret()))
  if (says === 'refused') return undefined
  return `The path ${pathTo(call.config)} let a wrong password in (${says}).`
}

const endCanary: Check = async (call, canary) => {
  let trouble: string | undefined
  const reply = await call.signIn(accountOf(canary, canary.secret), async sql => {
    trouble = await end(call, canary).then(
      () => undefined,
      (thrown: unknown) => sayProblem(explain(thrown)),
    )
    if (trouble !== undefined) return
    const goesOn = await sql('select 1').catch(() => undefined)
    if (goesOn !== undefined) trouble = 'Its open session went on after the account was dropped.'
  })
  if (reply.says !== 'accepted') return `The credential was not accepted (${reply.because}).`
  return trouble
}

const checkGone: Check = async (call, canary) =>
  whyNotGone(await verifyGone(call, { ...canary, acceptedPath: pathTo(call.config) }))

const removeCanaryHolder: Check = async (call, { holder }) => {
  await removeHolder(call, holder)
  const { listed, residue } = await verifyHolderGone(call, holder)
  return listed === 'absent' ? undefined : `${holder} is still there: ${residue.join('; ')}`
}

const steps: readonly [string, Check][] = [
  ['server', checkServer],
  ['own rights', checkOwnRights],
  ['canaries of before are gone', sweepOld],
  ['made', makeCanary],
  ['accepted', (call, canary) => issue(call, canary).then(() => undefined)],
  ['wrong password refused', refuseWrongPassword],
  ['ended with its session open', endCanary],
  ['refused and gone', checkGone],
  ['rights holder gone', removeCanaryHolder],
]

interface Server {
  readonly version: string
  readonly isReadOnly: number
}

const serverText = 'select version() as version, @@global.read_only as isReadOnly'
const ownRightsText = `select PRIVILEGE_TYPE as \`right\` from information_schema.user_privileges
  where GRANTEE = concat(quote(substring_index(current_user(), '@', 1)), '@',
    quote(substring_index(current_user(), '@', -1)))`
