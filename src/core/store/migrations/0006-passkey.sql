/* Keys that prove a person is there, held by their device. Only public parts: a copy of the table approves nothing. */
create table passkey (
  id text primary key, version bigint not null check (version > 0),
  person_id text not null references person, credential_id text collate "C" not null unique,
  public_key text not null, state text not null check (state in ('active', 'removed')),
  made_at timestamptz not null, ended_at timestamptz,
  check ((state = 'removed') = (ended_at is not null))
);
create index passkey_person on passkey (person_id) where state = 'active';
