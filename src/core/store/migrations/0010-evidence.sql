-- What a named person says is gone where no look of ours can tell: with a file that shows it, until they look again.
create table evidence (
  id text primary key,
  version bigint not null check (version > 0),
  app_id text not null references app,
  item_kind text not null,
  item_id text not null,
  system text not null,
  person_id text not null references person,
  file_hash text not null check (file_hash ~ '^[0-9a-f]{64}$'),
  recheck_at timestamptz not null,
  made_at timestamptz not null
);
create index evidence_app on evidence (app_id, made_at);
-- Named by what they hold. Bytes can be taken away; the name stays in the log.
create table evidence_file (
  app_id text not null references app,
  hash text not null,
  bytes bytea not null check (octet_length(bytes) between 1 and 5242880),
  primary key (app_id, hash)
);
