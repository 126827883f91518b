/** The outbox, and where it stands in the log: work, no facts. A lost row is a lost telling; the log has what happened. */
import type { Instant } from '../../core/base/time.ts'
import { throwUnknown } from '../../core/ledger/fact-table.ts'
import { first, query, type Sql, type Tx } from '../../core/store/store.ts'
import type { Happened, Notice, Person, Said, Telling } from './notice.ts'

export type Due = Telling & Pick<Notice, 'before'> & Record<'nth' | 'tries', number>

/** Locked until the commit. A new outbox begins where the log is now. */
export async function takePosition(tx: Tx, now: Instant, oldest: Instant) {
  await query(tx)`insert into notice_position (position, looked_at)
    select size, ${now} from ledger_head on conflict do nothing`
  const at = await first<{ position: number; since: Instant; size: number }>(tx)`select
    position, greatest(looked_at, ${oldest}) as since, size from notice_position p, ledger_head for update of p`
  return at ?? throwUnknown('position')
}

/** Entries read in one pass. */
export const newsAtOnce = 500

type News = Pick<Happened, 'at' | 'kind'> & {
  position: number
  images: Pick<Happened, 'table' | 'row'>[]
}
export const readNews = (tx: Tx, position: number, oldest: Instant) => query<News>(tx)`
  select position, at, kind, coalesce(facts::jsonb -> 'rows', '[]') as images from ledger_entry
  where position >= ${position} and at > ${oldest}
    and facts ~ '"table":"(request|finding|app|offboarding)"' order by position limit ${newsAtOnce}`

/** What a channel has too much waiting for is left out, and the channel named. */
export async function put(tx: Tx, tellings: readonly Telling[], mostWaiting: number) {
  const full = await query<{ channel: string }>(tx)`select channel from notice
    where state = 'waiting' group by channel having count(*) >= ${mostWaiting}`
  const names = full.map(each => each.channel)
  const taken = tellings.filter(each => !names.includes(each.channel))
  await query(tx)`
    insert into notice (id, channel, person_id, kind, about, thread, facts, quiet, at, due_at)
    select id, channel, "personId", kind, about, thread, facts, quiet, at, "dueAt"
    from jsonb_to_recordset(${JSON.stringify(taken)}::jsonb) as t (id text, channel text,
      "personId" text, kind text, about text, thread text, facts jsonb, quiet boolean,
      at timestamptz, "dueAt" timestamptz) on conflict do nothing`
  return names
}

export const movePosition = (tx: Tx, position: number, now: Instant) =>
  query(tx)`update notice_position set position = ${position}, looked_at = ${now}`

/** The next one, counted as tried: who dies over it leaves it to be tried again at `until`. In each thread, in order. */
export const claim = (sql: Sql, channel: string, now: Instant, until: Instant) => first<Due>(sql)`
  update notice as due set tries = tries + 1, due_at = ${until} where nth = (
    select nth from notice n where channel = ${channel} and state = 'waiting' and due_at <= ${now}
      and not exists (select from notice e where (e.thread, e.channel, e.person_id, e.state) =
        (n.thread, n.channel, n.person_id, n.state) and e.nth < n.nth)
    order by due_at, nth limit 1 for update skip locked)
  returning nth, id, channel, person_id as "personId", kind, about, thread, facts, quiet, at,
    due_at as "dueAt", tries, (select message from notice e where message is not null and
      (e.thread, e.channel, e.person_id) = (due.thread, due.channel, due.person_id)
      order by nth desc limit 1) as before`

export const setTold = (sql: Sql, nth: number, message: string | null) =>
  query(sql)`update notice set state = 'told', message = ${message} where nth = ${nth}`

/** To be tried again then; null: given up. */
export const setFailed = (sql: Sql, nth: number, again: Instant | null) => query(sql)`
  update notice set due_at = coalesce(${again}::timestamptz, due_at),
    state = case when ${again}::timestamptz is null then 'failed' else 'waiting' end where nth = ${nth}`

export const forget = (sql: Sql, before: Instant) =>
  query(sql)`delete from notice where at < ${before}`

export const readPeople = (sql: Sql, ids: readonly string[]) => query<Person>(sql)`
  select id, name, email, state from person where id = any(${ids}::text[])`

export const readWords = (sql: Sql, about: string) => first<Said>(sql)`
  select words, body::jsonb -> 'actions' as actions, body::jsonb ->> 'resourceId' as "resourceId"
  from (select ${about}::text as id) as of left join finding on finding.id = of.id
    left join request on request.id = of.id and request.kind = 'grant'`
