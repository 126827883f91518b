-- Keys of our issuer for outside systems. They speak to no door of ours, so they stand apart from those that do.
create table federation_key (
  id text primary key,
  version bigint not null check (version > 0),
  jwk jsonb not null,
  state text not null check (state in ('next', 'active', 'retired', 'gone')),
  made_at timestamptz not null,
  started_at timestamptz,
  retired_at timestamptz
);
create unique index federation_key_one on federation_key (state) where state in ('next', 'active');
-- The private part, sealed; taken away when its key is gone.
create table federation_secret (
  key_id text primary key references federation_key,
  sealed text not null
);
