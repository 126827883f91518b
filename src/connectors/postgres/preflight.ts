/**
 * The canary: before anything is issued here, a whole life of a role that may do nothing, so that a
 * missing right, a path without passwords or a server that does not end sessions is met now.
 *
 * Stops at the first step that fails; each detail names what a database administrator does next.
 */
import { randomBytes } from 'node:crypto'
import { product } from '../../core/base/product.ts'
import { addSeconds, type Clock, type Instant, toSeconds } from '../../core/base/time.ts'
import { judge } from '../../core/target/judge.ts'
import type { IssueOrder, Preflight } from '../../core/target/target.ts'
import { end } from './end.ts'
import { removeHolder, verifyHolderGone } from './holder.ts'
import { accountOf, issue } from './issue.ts'
import { type Links, pathTo } from './links.ts'
import { recipeSql } from './recipe.ts'
import { changeLock, makeText, roleName } from './roles.ts'
import { explain } from './trouble.ts'
import { verifyGone } from './verify.ts'

interface World {
  readonly links: Links
  readonly clock: Pick<Clock, 'now'>
  readonly signal: AbortSignal
  readonly canary: IssueOrder
}

/** Answers nothing where it holds, otherwise what is wrong and what to do. */
type Step = (world: World) => Promise<string | undefined>

export async function preflight(
  links: Links,
  clock: Pick<Clock, 'now'>,
  signal: AbortSignal,
): Promise<Preflight> {
  const world = { links, clock, signal, canary: newCanary(links, clock.now()) }
  const done: { name: string; ok: boolean; detail?: string }[] = []
  for (const [name, step] of stepsOf(links)) {
    const detail = await step(world).catch(sayProblem)
    done.push(detail === undefined ? { name, ok: true } : { name, ok: false, detail })
    if (detail !== undefined) break
  }
  return { ok: done.every(step => step.ok), steps: done }
}

function stepsOf(links: Links): [string, Step][] {
  return [
    ['server and own rights', checkOwnRights],
    ...links.config.databases.map((name): [string, Step] => [
      `database ${name}`,
      async ({ signal }) => {
        await links.use({ lane: 'end', database: name }, signal, sql => sql('select'))
        return undefined
      },
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

const checkOwnRights: Step = async ({ links, signal }) => {
  const [row] = await links.use({ lane: 'issue' }, signal, sql => sql<OwnRights>(ownRightsText))
  if (row === undefined || row.version < 150_000) return 'PostgreSQL 15 or newer is needed.'
  if (row.isStandby) return 'This is a standby. Connect the primary.'
  if (row.isSuper)
    return `The connector's role must not be a superuser. ${ask(links, 'createrole')}`
  if (!row.mayMakeRoles) return `It may not make roles. ${ask(links, 'createrole')}`
  if (!row.maySignal) return `It may not end sessions. ${ask(links, 'pg_signal_backend')}`
  if (!row.mayLetConnect) return `It may not let leases connect. ${ask(links, 'connect on')}`
  return undefined
}

const sweepCanaries: Step = async ({ links, clock, signal, canary }) => {
  const rows = await links.use({ lane: 'end' }, signal, sql =>
    sql<{ name: string }>(`select rolname::text as name from pg_roles where rolname like $1`, [
      `${product.targetPrefix}%\\_canary\\_%`,
    ]),
  )
  for (const { name } of rows) {
    const [prefix, , madeAt] = name.split('_')
    // One of the last minutes can be another replica's, at work.
    if (Number(madeAt) > toSeconds(clock.now()) - canaryAgeSeconds) continue
    if (prefix !== product.targetPrefix) await removeHolder(links, name, signal)
    else await end(links, { ...canary, principal: name }, signal)
  }
  return undefined
}

const makeCanary: Step = async ({ links, signal, canary }) => {
  await links.use({ lane: 'issue' }, signal, sql =>
    sql(`do $lease$ begin
      perform pg_advisory_xact_lock(${changeLock});
      ${makeText(canary.holder)}
      execute format('grant connect on database %I to ${roleName(canary.holder)}', current_database());
    end $lease$`),
  )
  return undefined
}

const acceptCanary: Step = async ({ links, signal, canary }) => {
  await issue(links, canary, signal)
  return undefined
}

const refuseWrongPassword: Step = async ({ links, signal, canary }) => {
  const { says } = await links.signIn(accountOf(canary, randomSecret()), signal)
  if (says === 'refused') return undefined
  return `The path ${pathTo(links.config, links.config.database)} let a wrong password in (${says}). Let pg_hba.conf say scram-sha-256 for it.`
}

const endCanary: Step = async ({ links, signal, canary }) => {
  let trouble: string | undefined
  const reply = await links.signIn(accountOf(canary, canary.secret), signal, async sql => {
    trouble = await end(links, canary, signal).then(() => undefined, sayProblem)
    if (trouble !== undefined) return
    const goesOn = await sql('select').catch(() => undefined)
    if (goesOn !== undefined) trouble = 'Its open session went on after the role was dropped.'
  })
  if (reply.says !== 'accepted') return `The credential was not accepted (${reply.because}).`
  return trouble
}

const checkGone: Step = async ({ links, clock, signal, canary }) => {
  const acceptedPath = pathTo(links.config, links.config.database)
  const evidence = await verifyGone(links, clock, { ...canary, acceptedPath }, signal)
  if (judge(evidence) === 'verified-gone') return undefined
  return `It is ${judge(evidence)}: ${evidence.because ?? evidence.residue.join('; ')}`
}

const removeCanaryHolder: Step = async ({ links, clock, signal, canary }) => {
  await removeHolder(links, canary.holder, signal)
  const { listed, residue } = await verifyHolderGone(links, clock, canary.holder, signal)
  return listed === 'absent' ? undefined : `${canary.holder} is still there: ${residue.join('; ')}`
}

/** Named with its time, so that one that was left behind can be told from one at work. */
function newCanary(links: Links, now: Instant): IssueOrder {
  const id = `canary_${toSeconds(now)}_${randomBytes(8).toString('hex')}`
  return {
    principal: `${product.targetPrefix}_${id}`,
    holder: `${product.targetPrefix}g_${id}`,
    owner: `${product.targetPrefix}o_${id}`,
    object: { database: links.config.database, schema: 'none', table: 'none' },
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
function ask(links: Links, word: string): string {
  const { user, database, probe } = links.config
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
