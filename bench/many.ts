/**
 * A company with a great many of everything, for pages to show: apps, leases and things found as rows in their
 * tables, copied from one that was made as its chapters make it. For reading alone: the log does not know them.
 */
import type { Running } from '../src/main.ts'
import { furnish, type Place } from './furnish.ts'

export interface Counts {
  readonly apps: number
  /** Of the first app, as if each had lived for most of a minute, one begun every 20 seconds. */
  readonly leases: number
  readonly things: number
}

/** Names are markup, as somebody would write them who tries what a page does with it. */
export async function makeMany(running: Running, place: Place, { apps, leases, things }: Counts) {
  const { store } = running.world
  const made = await furnish(running, place)
  const { app, identity, task, grant, resource } = made
  const id = (kind: string) => `'${kind}_' || left(md5(n::text), 26)`
  await store.query(
    `insert into app (id, version, slug, owner_id, backup_id, purpose, data_classes, stage, state, ends_at,
       max_ends_at, end_trigger, made_by, made_at, day)
     select ${id('ap')}, 1, 'many-' || lpad(n::text, 6, '0'), owner_id, backup_id, '<b>purpose ' || n || '</b>',
       data_classes, stage, state, ends_at, max_ends_at, end_trigger, made_by, made_at, day
     from app, generate_series(1, $2::int) n where app.id = $1`,
    [app.id, apps],
  )
  await store.query(
    `insert into lease (id, version, app_id, identity_id, task_id, grant_id, resource_id, target_id, actions,
       principal, state, outcome, term, made_at, intent_deadline, issued_at, term_ends_at, ends_at, ended_at)
     select ${id('ls')}, 1, $1, $2, $3, $4, $5, $6, '{read}', 'lh_many_' || n, 'gone', 'verified-gone', 1,
       at, at + interval '10 s', at, at + interval '1 min', at + interval '1 min', at + interval '50 s'
     from generate_series(1, $7::int) n, lateral (select now() - n * interval '20 s' as at) as made`,
    [app.id, identity.id, task.id, grant.id, resource.id, resource.targetId, leases],
  )
  await store.query(
    `insert into found_thing (id, version, target_id, native_id, kind, name, state, first_seen_at)
     select ${id('th')}, 1, $1, 'native-' || n, 'account', '<b>thing ' || lpad(n::text, 6, '0') || '</b>',
       'found', now()
     from generate_series(1, $2::int) n`,
    [resource.targetId, things],
  )
  return made
}
