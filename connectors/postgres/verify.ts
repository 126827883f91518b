/**
 * Looking whether a lease is gone: the server's own lists, and the credential itself, tried on the
 * path that once accepted it while a probe account is let in there. Observations only.
 *
 * It never throws because something did not answer: what could not be looked at is `unknown`, with
 * the reason, beside what was seen.
 */
import { Problem } from '../../src/core/base/problem.ts'
import type { Evidence, IssueOrder, VerifyOrder } from '../../src/core/target/target.ts'
import { accountOf } from './issue.ts'
import { type Call, pathTo, type Reply, type SignIn, type Sql } from './links.ts'
import { namedBy, readDependents } from './residue.ts'
import { roleText } from './roles.ts'
import { sessionsOf } from './stop.ts'
import { explain } from './trouble.ts'

export const paths = ['list of roles', 'the key itself'] as const

interface Look {
  readonly isListed: boolean
  readonly sessions: number
  /** Of those, how many have no role any more and can be somebody else's. */
  readonly nameless: number
  readonly residue: readonly string[]
}

interface Tried {
  readonly credential: Evidence['credential']
  readonly probe: Evidence['probe']
  readonly because: readonly string[]
}

export async function verifyGone(call: Call, order: VerifyOrder): Promise<Evidence> {
  const account = accountOf(order, order.secret ?? '')
  const trying = tryPath(call, order, account)
  try {
    // Once a creation under way is over: the lists, the path meanwhile, and the lists again.
    const looks = await call.use('end', async sql => {
      await sql(`begin; select pg_advisory_xact_lock(hashtextextended(${roleText(order.principal)}, 0));
        commit`)
      const first = await look(call, sql, order)
      await trying
      return [first, await look(call, sql, order)]
    })
    return gather(looks, await trying, call)
  } catch (thrown) {
    return gather([], await trying, call, explain(thrown).detail)
  }
}

/** A refusal counts only while the role is live: a stopped or expired one refuses everybody. */
export async function checkIntact(call: Call, order: IssueOrder): Promise<boolean> {
  const reply = await call.signIn(accountOf(order, order.secret))
  if (reply.says === 'accepted') return true
  const live = await call.use('end', sql =>
    sql(
      `select from pg_roles where rolname = $1 and rolcanlogin
         and coalesce(rolvaliduntil > clock_timestamp(), true)`,
      [order.principal],
    ),
  )
  if (reply.says === 'refused' && live.length > 0) return false
  throw new Problem('target-unavailable', {
    detail: 'The role is stopped, or its path gives no answer: its credential can not be compared.',
    next: 'Try again.',
    log: reply.because,
  })
}

async function look(call: Call, sql: Sql, order: VerifyOrder): Promise<Look> {
  const [row] = await sql<Look & { elsewhere: readonly string[] }>(lookText, [
    order.principal,
    order.owner,
    order.holder,
  ])
  if (row === undefined) throw new Error('an aggregate gives a row')
  const residue = [
    ...row.residue,
    ...(row.isListed ? await readDependents(sql, order.principal) : []),
  ]
  for (const database of row.elsewhere) {
    const lending = (there: Sql) => there<{ phrase: string }>(lendingText, [order.owner])
    const found = await call.use('end', lending, database).catch(namedBy(database))
    residue.push(...found.map(({ phrase }) => `${phrase} in database ${database}`))
  }
  return { ...row, residue }
}

/** Never rejects. */
async function tryPath(call: Call, order: VerifyOrder, account: SignIn): Promise<Tried> {
  const { database } = account
  const untried: Reply = { says: 'unclear' }
  const [credential, probe] = await Promise.all([
    order.secret === null ? untried : call.signIn(account),
    call.probe(database),
  ])
  const isProof = order.acceptedPath === pathTo(call.config, database)
  const because: string[] = []
  if (order.secret === null) because.push('The credential can not be made again to be tried.')
  else if (credential.says === 'unclear')
    because.push(`The credential could not be tried (${credential.because}).`)
  else if (credential.says === 'refused' && !isProof)
    because.push('The credential is refused, on a path that never accepted it.')
  if (probe.says !== 'accepted')
    because.push(`The probe account was not let in (${probe.because}).`)
  const isTold = credential.says === 'accepted' || (credential.says === 'refused' && isProof)
  return {
    credential: isTold ? credential.says : 'not-tried',
    probe: probe.says === 'unclear' ? 'not-tried' : probe.says,
    because,
  }
}

function gather(looks: readonly Look[], tried: Tried, { clock }: Call, trouble?: string): Evidence {
  const because = [...(trouble === undefined ? [] : [trouble]), ...tried.because]
  if (looks.some(each => each.nameless > 0))
    because.push('There are sessions whose role was dropped; one can be of this lease.')
  const isListed = looks.some(each => each.isListed)
  return {
    listed: looks.length === 0 ? 'unknown' : isListed ? 'present' : 'absent',
    credential: tried.credential,
    probe: tried.probe,
    sessions: looks.length === 0 ? null : Math.max(...looks.map(each => each.sessions)),
    residue: [...new Set(looks.flatMap(each => each.residue))],
    paths,
    because: because.length === 0 ? undefined : because.join(' '),
    at: clock.now(),
  }
}

/** Routines that lend the owner's rights: none of ours do, since an end takes that away. */
const lendingText = `
  select 'security definer ' || p.oid::regprocedure as phrase
  from pg_roles o join pg_shdepend d on d.refclassid = 'pg_authid'::regclass and d.refobjid = o.oid
    and d.classid = 'pg_proc'::regclass and d.deptype = 'o'
  join pg_database b on b.datname = current_database() and b.oid = d.dbid
  join pg_proc p on p.oid = d.objid and p.prosecdef
  where o.rolname = $1`

const lookText = `
  with sessions as (select usename from pg_stat_activity where ${sessionsOf('$1')}),
  residue as (
    select 'member of ' || g.rolname as phrase
      from pg_auth_members m join pg_roles r on r.oid = m.member and r.rolname = $1
      join pg_roles g on g.oid = m.roleid where g.rolname <> $3
    union all select 'lent to ' || g.rolname
      from pg_auth_members m join pg_roles r on r.oid = m.roleid and r.rolname = $1
      join pg_roles g on g.oid = m.member where g.rolname not in (current_user, $2)
    union all select 'prepared transaction ' || gid
      from pg_prepared_xacts where owner = $1 or owner is null
    union all select 'replication slot ' || slot_name from pg_replication_slots
      where slot_name = $1 or active_pid in (select pid from pg_stat_activity where usename = $1)
    union all ${lendingText.replace('$1', '$2')})
  select exists (select from pg_roles where rolname = $1) as "isListed",
    (select count(*) from sessions)::int as sessions,
    (select count(*) from sessions where usename is null)::int as nameless,
    (select coalesce(json_agg(phrase), '[]') from residue) as residue,
    (select coalesce(json_agg(distinct b.datname), '[]')
      from pg_shdepend d join pg_roles o on o.oid = d.refobjid and o.rolname = $2
      join pg_database b on b.oid = d.dbid and b.datname <> current_database()
      where d.refclassid = 'pg_authid'::regclass and d.classid = 'pg_proc'::regclass) as elsewhere`
