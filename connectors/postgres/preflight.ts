/**
 * The canary: before anything is issued here, a whole life of a role that may do nothing, so that a
 * missing right, a path without passwords or a server that does not end sessions is met now.
 *
 * Stops at the first step that fails; each detail names what a database administrator does next.
 */
import { randomBytes } from 'node:crypto'
import { product } from '../../src/core/base/product.ts'
import { addSeconds, toSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Preflight } from '../../src/core/target/target.ts'
import { end } from './end.ts'
import { removeHolder, verifyHolderGone } from './holder.ts'
import { accountOf, issue } from './issue.ts'
import { type Call, pathTo } from './links.ts'
import { recipeSql } from './recipe.ts'
import { changeText, makeText, roleName } from './roles.ts'
import { explain } from './trouble.ts'
import { verifyGone } from './verify.ts'

/** Answers nothing where it holds, otherwise what is wrong and what to do. */
type Step = (call: Call, canary: IssueOrder) => Promise<string | undefined>

export async function preflight(call: Call): Promise<Preflight> {
  const canary = newCanary(call)
  const done: { name: string; ok: boolean; detail?: string }[] = []
  for (const [name, step] of stepsOf(call)) {
    const detail = await step(call, canary).catch(sayProblem)
    done.push(detail === undefined ? { name, ok: true } : { name, ok: false, detail })
    if (detail !== undefined) break
  }
  return { ok: done.every(step => step.ok), steps: done }
}

function stepsOf(call: Call): [string, Step][] {
  return [
    ['server and own rights', checkOwnRights],
    ...call.config.databases.map((name): [string, Step] => [
      `database ${name}`,
      async () => void (await call.use('end', sql => sql('select'), name)),
    ]),
    ['canaries of before are gone', sweepCanaries],
    ['made', makeCanary],
    ['accepted', acceptCanary],
    ['wrong password refused', refuseWrongPassword],
    ['ended with its session open', endCanary],
    ['refused and gone', checkGone],
    ['rights holder gone', removeCanaryHolder],
  ]
}

const checkOwnRights: Step = async call => {
  const [row] = await call.use('issue', sql => sql<OwnRights>(ownRightsText))
  if (row === undefined || row.version < 150_000) return 'PostgreSQL 15 or newer is needed.'
  if (row.isStandby) return 'This is a standby. Connect the primary.'
  if (row.isSuper) return `The connector's role must not be a superuser. ${ask(call, 'createrole')}`
  if (!row.mayMakeRoles) return `It may not make roles. ${ask(call, 'createrole')}`
  if (!row.maySignal) return `It may not end sessions. ${ask(call, 'pg_signal_backend')}`
  if (!row.mayLetConnect) return `It may not let leases connect. ${ask(call, 'connect on')}`
  return undefined
}

const sweepCanaries: Step = async (call, canary) => {
  const rows = await call.use('end', sql =>
    sql<{ name: string }>(`select rolname::text as name from pg_roles where rolname like $1`, [
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

const makeCanary: Step = async (call, canary) => {
  await call.use('issue', sql =>
    sql(
      changeText(`${makeText(canary.holder)}
        execute format('grant connect on database %I to ${roleName(canary.holder)}', current_database());`),
    ),
  )
  return undefined
}

const acceptCanary: Step = async (call, canary) => {
  await issue(call, canary)
  return undefined
}

const refuseWrongPassword: Step = async (call, canary) => {
  const { says } = await call.signIn(accountOf(canary, randomSecret()))
  if (says === 'refused') return undefined
  return `The path ${pathTo(call.config, call.config.database)} let a wrong password in (${says}). Let pg_hba.conf say scram-sha-256 for it.`
}

const endCanary: Step = async (call, canary) => {
  let trouble: string | undefined
  const reply = await call.signIn(accountOf(canary, canary.secret), async sql => {
    trouble = await end(call, canary).then(() => undefined, sayProblem)
    if (trouble !== undefined) return
    const goesOn = await sql('select').catch(() => undefined)
    if (goesOn !== undefined) trouble = 'Its open session went on after the role was dropped.'
  })
  if (reply.says !== 'accepted') return `The credential was not accepted (${reply.because}).`
  return trouble
}

const checkGone: Step = async (call, canary) => {
  const acceptedPath = pathTo(call.config, call.config.database)
  const evidence = await verifyGone(call, { ...canary, acceptedPath })
  if (judge(evidence) === 'verified-gone') return undefined
  return `It is ${judge(evidence)}: ${evidence.because ?? evidence.residue.join('; ')}`
}

const removeCanaryHolder: Step = async (call, canary) => {
  await removeHolder(call, canary.holder)
  const { listed, residue } = await verifyHolderGone(call, canary.holder)
  return listed === 'absent' ? undefined : `${canary.holder} is still there: ${residue.join('; ')}`
}

/** Named with its time, so that one that was left behind can be told from one at work. */
function newCanary({ config, clock }: Call): IssueOrder {
  const now = clock.now()
  const id = `canary_${toSeconds(now)}_${randomBytes(8).toString('hex')}`
  return {
    principal: `${product.targetPrefix}_${id}`,
    holder: `${product.targetPrefix}g_${id}`,
    owner: `${product.targetPrefix}o_${id}`,
    object: { database: config.database, schema: 'none', table: 'none' },
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

/** The line of the recipe that gives what is missing. */
function ask(call: Call, word: string): string {
  const { user, database, probe } = call.config
  const recipe = recipeSql({ user, probe: probe.user, databases: [database] }).split('\n')
  return `A database administrator runs: ${recipe.find(line => line.includes(word))}`
}

function sayProblem(thrown: unknown): string {
  const { detail, next } = explain(thrown)
  return next === undefined ? detail : `${detail} ${next}`
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

const canaryAgeSeconds = 300
