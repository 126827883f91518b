/**
 * A large company on a real PostgreSQL: rows as `many.ts` copies them, over many apps and people, and a log of
 * millions of entries. It is written while no server runs, beside the code that writes entries one by one, and
 * is the same log: each leaf is hashed, each commitment made, and the tree over them is the tree. What it does
 * not have is the rows' own images, so a check of the whole log finds it true and the tables without a past.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { base64url } from '../src/core/base/hash.ts'
import { canonicalJson } from '../src/core/base/json.ts'
import { addMs, type Instant } from '../src/core/base/time.ts'
import { commit, leafText } from '../src/core/ledger/leaf.ts'
import * as tree from '../src/core/ledger/tree.ts'
import { extend, type Frontier, type Hash, leafHash } from '../src/core/ledger/tree.ts'
import { copyRows } from './copy.ts'

export interface Size {
  readonly apps: number
  readonly leases: number
  readonly things: number
  readonly entries: number
  readonly people: number
  /** Of each, open: what stands in lists of what needs somebody. */
  readonly waiting: number
}

const batch = 20_000
const historyMs = 90 * 24 * 3_600_000
/** Kinds as they come, the frequent ones more often. */
const kinds = [
  'lease.use',
  'lease.issue',
  'lease.end',
  'lease.use',
  'decision.deny',
  'lease.use',
  'session.open',
  'session.end',
] as const

/** Into the database of a server that was furnished once and stands still. */
export async function makeLarge(url: string, size: Size, progress: (text: string) => void) {
  const owner = new pg.Client({ connectionString: url })
  await owner.connect()
  try {
    const startedMs = performance.now()
    for (const text of rowsOf(size)) await owner.query(text)
    progress(`rows after ${seconds(startedMs)} s`)
    await writeLog(owner, size)
    progress(`${size.entries} entries after ${seconds(startedMs)} s`)
    await owner.query('vacuum analyze')
  } finally {
    await owner.end()
  }
}

const seconds = (sinceMs: number) => Math.round((performance.now() - sinceMs) / 1_000)
const id = (kind: string, n = 'n') => `'${kind}_' || left(md5((${n})::text), 26)`

/**
 * Everything is a copy of what was furnished. A few apps have most of the leases, as in life; one in twenty
 * is over; the newest 10,000 leases are of less than a week, and 400 of them alive.
 */
function rowsOf({ apps, leases, things, people, waiting }: Size): string[] {
  const nth = (count: number) => `generate_series(1, ${count}) n`
  const person = (n: string) => id('pe', `(${n}) % ${people} + 1`)
  const app = id('ap', `1 + floor(power((n * 0.6180339887) % 1, 3) * ${apps})::int`)
  return [
    `insert into person (id, version, iss, sub, name, email, state, seen_at, made_at)
     select ${id('pe')}, 1, 'https://idp.example', 'sub-' || n, 'Person ' || n, 'person' || n || '@acme.example',
       'living', now(), now() from ${nth(people)}`,
    `insert into app (id, version, slug, owner_id, backup_id, purpose, data_classes, stage, state, ends_at,
       max_ends_at, end_trigger, made_by, made_at, ended_at)
     select ${id('ap')}, 1, 'many-' || lpad(n::text, 6, '0'), ${person('n')}, ${person('n + 1')},
       '<b>purpose ' || n || '</b>', data_classes, stage, case when n % 20 = 0 then 'ended' else state end,
       ends_at, max_ends_at, end_trigger, made_by, made_at, case when n % 20 = 0 then now() end
     from app, ${nth(apps)} where slug = 'bench-desk'`,
    `insert into manifest (id, version, app_id, digest, purposes, says, state, made_at)
     select ${id('mf')}, 1, ${id('ap')}, digest, purposes,
       json_build_object('', case when n % 3 = 0 then 'web 1.0.0' else 'agent 1.1.0' end)::text, state, made_at
     from manifest, ${nth(apps)}`,
    `insert into identity (id, version, app_id, role, spiffe_id, state, made_at)
     select ${id('id')}, 1, ${id('ap')}, role, 'spiffe://leasehold.local/app/many-' || n || '/run', state, made_at
     from identity, ${nth(apps)}`,
    `insert into request (id, version, kind, app_id, asked_by, body, body_hash, reason, approvers, quorum,
       own_answer, state, made_at, expires_at)
     select ${id('rq')}, 1, 'grant', ${id('ap')}, ${person('n')}, body,
       encode(sha256(convert_to(body, 'UTF8')), 'hex'), 'to see them', array[${person('n + 1')}], 1, false, 'open',
       now(), now() + interval '7 days'
     from (select jsonb_build_object('resourceId', id, 'targetId', target_id, 'roles', '["run"]'::jsonb, 'actions',
       '["read"]'::jsonb, 'columns', '["id"]'::jsonb, 'unattended', true)::text as body from resource) of, ${nth(waiting)}`,
    `insert into finding (id, version, kind, severity, about, owner_id, details, words, state, made_at)
     select ${id('fi')}, 1, 'bench.finding', 'low', ${id('ap')}, ${person('n')}, '{}', 'Something of app ' || n,
       'open', now() from ${nth(waiting)}`,
    `insert into task (id, version, app_id, identity_id, kind, purpose, autonomy, provenance, provenance_key,
       state, closed_because, opened_at, ends_at, closed_at)
     select ${id('tk')}, 1, ${id('ap')}, ${id('id')}, kind, purpose, autonomy, provenance, provenance_key,
       'closed', 'done', opened_at, ends_at, opened_at
     from task, ${nth(apps)}`,
    `insert into lease (id, version, app_id, identity_id, task_id, grant_id, resource_id, target_id, actions,
       principal, state, outcome, term, made_at, intent_deadline, issued_at, term_ends_at, ends_at, ended_at)
     select ${id('ls')}, 1, of.app, 'id' || substr(of.app, 3), 'tk' || substr(of.app, 3), app_grant.id, resource_id,
       target_id, '{read}', 'lh_many_' || n, case when isOpen then 'live' else 'gone' end,
       case when not isOpen then 'verified-gone' end, 1, at, at + interval '10 s', at,
       at + ends, at + ends, case when not isOpen then at + interval '30 s' end
     from app_grant, ${nth(leases)}, lateral (select ${app} as app, now() - n * interval '40 s' as at,
       n <= 400 as isOpen, case when n <= 400 then interval '12 h' else interval '1 min' end as ends) as of`,
    `insert into found_thing (id, version, target_id, native_id, kind, name, state, first_seen_at)
     select ${id('th')}, 1, target.id, 'native-' || n, 'account', '<b>thing ' || lpad(n::text, 6, '0') || '</b>',
       'found', now() from target, ${nth(things)}`,
  ]
}

/** After what is there. Indexes that are filled in the order of nothing are made when all rows are there. */
async function writeLog(owner: pg.Client, { entries, leases }: Size): Promise<void> {
  const things = async (text: string) =>
    (await owner.query<{ id: string }>(text)).rows.map(row => row.id)
  const ids = await things(
    `select app_id || ' ' || id as id from lease order by made_at limit ${leases}`,
  )
  const [actor = ''] = await things(`select id from identity limit 1`)
  const { rows } = await owner.query<{ size: string; peaks: Buffer; last: string; now: Date }>(
    `select size, peaks, (select coalesce(max(inbox_id), 0) from ledger_entry) as last, now() from ledger_head`,
  )
  const head = rows[0]
  if (head === undefined) throw new Error('a log has a head')
  const [first, inbox] = [Number(head.size), Number(head.last)]
  const now = head.now.toISOString() as Instant
  await owner.query('drop index ledger_entry_subjects, ledger_entry_kind')
  let frontier: Frontier = tree.unpackPeaks(first, head.peaks)
  for (let from = 0; from < entries; from += batch) {
    const hashes: Hash[] = []
    const made = Array.from({ length: Math.min(batch, entries - from) }, (_, i) => {
      const n = from + i
      const about = (ids[n % ids.length] ?? '').split(' ')
      const at = addMs(now, -Math.round(((entries - n) / entries) * historyMs))
      const entry = entryOf(n, { at, actor, about })
      const hash = leafHash(entry.leaf)
      hashes.push(hash)
      const { kind, subjects, leaf, facts, salt } = entry
      const place = [String(first + n), String(inbox + 1 + n)]
      return [...place, at, kind, `{${subjects.join()}}`, leaf, `\\x${hex(hash)}`, facts, salt]
    })
    await copyRows(owner, `ledger_entry (${columns})`, made)
    const grown = extend(frontier, hashes)
    frontier = grown.frontier
    const nodes = grown.nodes.map(({ level, index, hash }) => [
      `${level}`,
      `${index}`,
      `\\x${hex(hash)}`,
    ])
    await copyRows(owner, 'ledger_node (level, index, hash)', nodes)
  }
  await owner.query(
    'update ledger_head set size = $1, root = $2, peaks = $3, sequenced_at = now()',
    [frontier.size, tree.rootOf(frontier), tree.packPeaks(frontier)],
  )
  await owner.query(`select setval(pg_get_serial_sequence('ledger_inbox', 'id'), $1)`, [
    inbox + entries + 1,
  ])
  await owner.query(`set maintenance_work_mem = '512MB'`)
  await owner.query('create index ledger_entry_subjects on ledger_entry using gin (subjects)')
  await owner.query('create index ledger_entry_kind on ledger_entry (kind, position)')
}

const columns = 'position, inbox_id, at, kind, subjects, leaf, leaf_hash, facts, facts_salt'
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function entryOf(n: number, of: { at: Instant; actor: string; about: readonly string[] }) {
  const { at, actor, about } = of
  const [app = '', lease = ''] = about
  const kind = kinds[n % kinds.length] ?? 'lease.use'
  const facts = canonicalJson({ action: 'read', leaseId: lease, rowCount: n % 500 })
  const salt = base64url(randomBytes(32))
  const subjects = [
    { type: 'lease', id: lease, version: 1 },
    { type: 'app', id: app, version: 1 },
  ]
  const leaf = leafText({ kind, at, actor, subjects, facts: commit(salt, facts) })
  return { kind, subjects: [lease, app], leaf, facts, salt }
}
