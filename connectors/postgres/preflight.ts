/**
 * The canary: before anything is issued here, a whole life of a role that may do nothing, so that a
 * missing right, a path without passwords or a server that does not end sessions is met now.
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
import { end } from './end.ts'
import { removeHolder, verifyHolderGone } from './holder.ts'
import { accountOf, issue } from './issue.ts'
import { type Call, pathTo } from './links.ts'
import { recipeSql } from './recipe.ts'
import { changeText, makeText, roleName } from './roles.ts'
import { explain } from './trouble.ts'
import { verifyGone } from './verify.ts'

type Check = Step<Call>

export function preflight(call: Call): Promise<Preflight> {
  const { clock, config } = call
  const object = { database: config.database, schema: 'none', table: 'none' }
  return play(stepsOf(call), { call, canary: newCanary(clock, { object }) }, explain)
}

function stepsOf(call: Call): [string, Check][] {
  return [
    ['server and own rights', checkOwnRights],
    ...call.config.databases.map((name): [string, Check] => [
      `database ${name}`,
      async () => void (await call.use('end', sql => sql('select'), name)),
    ]),
    ['canaries of before are gone', sweepOld],
    ['made', makeCanary],
    ['accepted', acceptCanary],
    ['wrong password refused', refuseWrongPassword],
    ['ended with its session open', endCanary],
    ['refused and gone', checkGone],
    ['rights holder gone', removeCanaryHolder],
  ]
}

const checkOwnRights: Check = async call => {
  const [row] = await call.use('issue', sql => sql<OwnRights>(ownRightsText))
  if (row === undefined || row.version < 150_000) return 'PostgreSQL 15 or newer is needed.'
  if (row.isStandby) return 'This is a standby. Connect the primary.'
  if (row.isSuper) return `The connector's role must not be a superuser. ${ask(call, 'createrole')}`
  if (!row.mayMakeRoles) return `It may not make roles. ${ask(call, 'createrole')}`
  if (!row.maySignal) return `It may not end sessions. ${ask(call, 'pg_signal_backend')}`
  if (!row.mayLetConnect) return `It may not let leases connect. ${ask(call, 'connect on')}`
  return undefined
}

const sweepOld: Check = async (call, canary) => {
  const rows = await call.use('end', sql =>
    sql<{ name: string }>(`select rolname::text as name from pg_roles where rolname like $1`, [
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

const makeCanary: Check = async (call, canary) => {
  await call.use('issue', sql =>
    sql(
      changeText(`${makeText(canary.holder)}
        execute format('grant connect on database %I to ${roleName(canary.holder)}', current_database());`),
    ),
  )
  return undefined
}

const acceptCanary: Check = async (call, canary) => {
  await issue(call, canary)
  return undefined
}

const refuseWrongPassword: Check = async (call, canary) => {
  const { says } = await call.signIn(accountOf(canary, randomSecret()))
  if (says === 'refused') return undefined
  return `The path ${pathTo(call.config, call.config.database)} let a wrong password in (${says}). Let pg_hba.conf say scram-sha-256 for it.`
}

const endCanary: Check = async (call, canary) => {
  let trouble: string | undefined
  const reply = await call.signIn(accountOf(canary, canary.secret), async sql => {
    trouble = await end(call, canary).then(
      () => undefined,
      (thrown: unknown) => sayProblem(explain(thrown)),
    )
    if (trouble !== undefined) return
    const goesOn = await sql('select').catch(() => undefined)
    if (goesOn !== undefined) trouble = 'Its open session went on after the role was dropped.'
  })
  if (reply.says !== 'accepted') return `The credential was not accepted (${reply.because}).`
  return trouble
}

const checkGone: Check = async (call, canary) => {
  const acceptedPath = pathTo(call.config, call.config.database)
  return whyNotGone(await verifyGone(call, { ...canary, acceptedPath }))
}

const removeCanaryHolder: Check = async (call, canary) => {
  await removeHolder(call, canary.holder)
  const { listed, residue } = await verifyHolderGone(call, canary.holder)
  return listed === 'absent' ? undefined : `${canary.holder} is still there: ${residue.join('; ')}`
}

/** The line of the recipe that gives what is missing. */
function ask(call: Call, word: string): string {
  const { user, database, probe } = call.config
  const recipe = recipeSql({ user, probe: probe.user, databases: [database] }).split('\n')
  return `A database administrator runs: ${recipe.find(line => line.includes(word))}`
}

interface OwnRights {
  readonly version: number
  readonly isStandby: boolean
  readonly isSuper: boolean
  readonly mayMakeRoles: boolean
  readonly maySignal: boolean
  readonly mayLetConnect: boolean
}

const ownRightsText = `
  select current_setting('server_version_num')::int as version,
    pg_is_in_recovery() as "isStandby", rolsuper as "isSuper", rolcreaterole as "mayMakeRoles",
    pg_has_role(current_user, 'pg_signal_backend', 'usage') as "maySignal",
    has_database_privilege(current_database(), 'connect with grant option') as "mayLetConnect"
  from pg_roles where rolname = current_user`
