-- Things that looks at whole targets find there and that are not ours: whose they are, and of which app.
create table found_thing (
  id text primary key,
  version bigint not null check (version > 0),
  target_id text not null references target,
  native_id text not null,
  kind text not null,
  name text not null,
  creator text,
  made_at timestamptz,
  last_used_at timestamptz,
  ends_at timestamptz,
  state text not null check (state in ('found', 'claimed', 'adopted', 'gone')),
  owner_id text references person,
  app_id text references app,
  first_seen_at timestamptz not null,
  gone_at timestamptz,
  -- Work of the look, no fact of the thing: it changes daily and is in no entry.
  seen_at timestamptz,
  check ((state = 'gone') = (gone_at is not null)),
  check (state = 'gone' or (state <> 'found') = (owner_id is not null)),
  check (state = 'gone' or (state = 'adopted') = (app_id is not null))
);
create unique index found_thing_native on found_thing (target_id, native_id);
create index found_thing_app on found_thing (app_id) where app_id is not null;

-- How far the look at a target is, and what was hidden from it.
create table look (
  target_id text primary key references target,
  begun_at timestamptz not null,
  work jsonb not null
);

-- An app of what was found; until when what policy denies of its use goes on and is recorded.
alter table app add column origin text check (origin = 'adopted');
alter table app add column watched_until timestamptz;
alter table app add constraint app_watched
  check (watched_until is null or (origin is not null and watched_until <= ends_at));

-- A person asks that it be watched again, and another agrees.
alter table request drop constraint request_kind_check;
alter table request add constraint request_kind_check
  check (kind in ('grant', 'policy', 'trust', 'call', 'watch'));
