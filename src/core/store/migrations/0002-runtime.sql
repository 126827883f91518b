-- Decisions at volume: kept in batches, each sealed by one entry, in one partition a day. Partitions lie
-- in a schema of their own that nobody but the owner may look into: whoever reads or adds does so by
-- the table above them.
create schema records;

create table decision_record (
  batch_id text not null,
  nth bigint not null,
  id text not null,
  at timestamptz not null,
  app_id text,
  task_id text,
  allowed boolean not null,
  record text not null,
  hash text not null,
  -- Under our own rules, or under those an app brings for its users.
  kind text not null check (kind in ('own', 'app')),
  primary key (at, id)
) partition by range (at);
create index decision_record_id on decision_record (id);
create index decision_record_app on decision_record (app_id, at);
create trigger decision_record_insert_only before update or delete or truncate on decision_record
  for each statement execute function refuse_change();

-- Made apart and then attached: that stops nobody who reads or adds meanwhile, as making it in place would.
create function keep_partition(day date) returns void
  language plpgsql security definer set search_path = public, pg_temp as $$
declare part text := to_char(day, '"d"YYYYMMDD');
begin
  if to_regclass('records.' || part) is not null then return; end if;
  perform pg_advisory_xact_lock(7135006);
  if to_regclass('records.' || part) is not null then return; end if;
  execute format('create table records.%I (like decision_record including all)', part);
  execute format(
    'alter table decision_record attach partition records.%I for values from (%L) to (%L)',
    part, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
end $$;

-- How far each file of a spool was taken.
create table decision_spool (
  segment text primary key,
  sent bigint not null
);

-- Rules an app brings for its own users.
create table app_rules (
  id text primary key,
  version bigint not null check (version > 0),
  app_id text not null references app,
  hash text not null,
  text jsonb not null,
  state text not null check (state in ('current', 'superseded')),
  made_at timestamptz not null
);
create unique index app_rules_current on app_rules (app_id) where state = 'current';
create index app_rules_hash on app_rules (hash);

-- Every decision under our own rules that is kept, however it came here.
create view decision_kept as
  select id, at, app_id, task_id, allowed, record, hash from decision
  union all
  select id, at, app_id, task_id, allowed, record, hash from decision_record where kind = 'own';
