/* The schema. Rules of the house (design §3): facts carry a version; entries are only inserted; */
/* what must always hold is a constraint here, not only code. Instants are UTC; ids are text. */
/* Collation "C" where an identity string is compared: case and locale never decide who somebody is. */

/* ── the ledger ────────────────────────────────────────────────────────────────────────────────── */

/* What has happened and has no position yet. Written last in the transaction of its fact. */
create table ledger_inbox (
  id bigint generated always as identity (cache 1) primary key, at timestamptz not null,
  kind text not null, subjects text[] not null, leaf text not null, facts text not null,
  facts_salt text not null, words text, words_salt text,
  /* By the database's clock: how long followers have been without it. */
  queued_at timestamptz not null default clock_timestamp(),
  /* Refused when null: the log is shorter than the writer has seen it, so it was put back. Refused */
  /* when negative: the row this is about was no longer as the writer had read it. */
  log_size bigint default 0 constraint log_reaches check (log_size is not null)
    constraint row_is_current check (log_size >= 0)
);

/* The log. `leaf` is the exact text that is hashed (RFC 6962); `facts` lie beside it under a salted commitment. */
create table ledger_entry (
  position bigint primary key check (position >= 0), inbox_id bigint not null unique,
  at timestamptz not null, kind text not null, subjects text[] not null, leaf text not null,
  leaf_hash bytea not null check (length(leaf_hash) = 32), facts text not null, facts_salt text not null
);
create index ledger_entry_subjects on ledger_entry using gin (subjects);
create index ledger_entry_kind on ledger_entry (kind, position);

/* Words of people, apart, so that they can be erased while every proof stays valid. */
create table ledger_words (
  position bigint primary key references ledger_entry, words text not null, salt text not null
);

/* Roots of complete subtrees of 256^n leaves: what proofs are made from without reading every leaf. */
create table ledger_node (
  level int not null check (level > 0), index bigint not null, hash bytea not null check (length(hash) = 32),
  primary key (level, index)
);

create table ledger_head (
  one boolean primary key default true check (one), size bigint not null, root bytea not null,
  peaks bytea not null, sequenced_at timestamptz not null
);
insert into ledger_head (size, root, peaks, sequenced_at)
  values (0, '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '\x', now());

create table ledger_checkpoint (
  size bigint primary key, root bytea not null, note text not null, signed_at timestamptz not null
);

/* Refusals before attestation: counted here, sealed as one summary entry per issuer and minute. */
create table ledger_refusal_count (
  issuer text not null, minute timestamptz not null, reason text not null, count bigint not null,
  primary key (issuer, minute, reason)
);

/* Decisions, with the slice of facts they were made from. Their hashes are in the entry that used them. */
create table decision (
  id text primary key, at timestamptz not null, app_id text, task_id text, allowed boolean not null,
  record text not null, hash text not null
);
create index decision_app on decision (app_id, at);
create index decision_at on decision (at);

create function refuse_change() returns trigger language plpgsql as $$
begin raise exception 'the log is only ever added to'; end $$;
create trigger ledger_entry_insert_only before update or delete or truncate on ledger_entry
  for each statement execute function refuse_change();
create trigger ledger_node_insert_only before update or delete or truncate on ledger_node
  for each statement execute function refuse_change();
create trigger ledger_checkpoint_insert_only before update or delete or truncate on ledger_checkpoint
  for each statement execute function refuse_change();
create trigger decision_insert_only before update or delete or truncate on decision
  for each statement execute function refuse_change();

/* ── installation and keys ─────────────────────────────────────────────────────────────────────── */

create table installation (
  id text primary key, version bigint not null check (version > 0), name text not null,
  trust_domain text not null, mode text not null check (mode in ('solo', 'team')),
  epoch int not null default 1, made_at timestamptz not null
);
create unique index installation_one on installation ((true));

create table key (
  id text primary key, version bigint not null check (version > 0),
  use text not null check (
    use in ('root', 'ledger', 'certificate', 'token', 'lease', 'seal-keys', 'seal-rows')
  ),
  alg text not null, public_jwk jsonb, sealed text,
  state text not null check (state in ('next', 'active', 'retired', 'destroyed')),
  starts_at timestamptz not null, made_at timestamptz not null, retired_at timestamptz,
  check (state <> 'destroyed' or sealed is null)
);
create unique index key_active on key (use) where state = 'active';
create unique index key_next on key (use) where state = 'next';

/* The key table as published, signed by the root key; the newest row is the one in force. */
create table key_table (
  serial int primary key, body text not null, signature text not null, made_at timestamptz not null
);

/* ── people ────────────────────────────────────────────────────────────────────────────────────── */

create table person (
  id text primary key, version bigint not null check (version > 0), iss text collate "C" not null,
  sub text collate "C" not null, name text not null, email text, roles text[] not null default '{}',
  state text not null check (state in ('living', 'left')), left_at timestamptz,
  seen_at timestamptz not null, made_at timestamptz not null, unique (iss, sub)
);

create table one_time_link (
  hash text primary key, person_id text not null references person, expires_at timestamptz not null,
  used_at timestamptz
);

create table browser_session (
  hash text primary key, person_id text not null references person, csrf text not null,
  made_at timestamptz not null, used_at timestamptz not null, expires_at timestamptz not null, ended_at timestamptz
);
create index browser_session_person on browser_session (person_id);

/* State of a sign-in under way at the company's provider (state, nonce, PKCE verifier), bound to a cookie. */
create table sign_in (
  hash text primary key, body text not null, expires_at timestamptz not null
);

/* State of our own authorization server (oidc-provider's adapter). */
create table oidc_state (
  kind text not null, id text not null, payload jsonb not null, grant_id text, user_code text,
  uid text, consumed_at timestamptz, expires_at timestamptz, primary key (kind, id)
);
create index oidc_state_grant on oidc_state (grant_id);
create index oidc_state_user_code on oidc_state (kind, user_code);
create index oidc_state_uid on oidc_state (kind, uid);
create index oidc_state_expires on oidc_state (expires_at);

/* ── approval and finding ──────────────────────────────────────────────────────────────────────── */

create table request (
  id text primary key, version bigint not null check (version > 0),
  kind text not null check (kind in ('grant', 'policy', 'trust', 'call', 'watch')), app_id text,
  asked_by text not null, body text not null, body_hash text not null, reason text not null,
  approvers text[] not null, quorum int not null check (quorum >= 1),
  /* The asker may answer: only where the whole installation is one person's (design §3.11). */
  own_answer boolean not null default false,
  state text not null check (state in ('open', 'agreed', 'denied', 'withdrawn', 'expired', 'used')),
  made_at timestamptz not null, expires_at timestamptz not null, closed_at timestamptz,
  check (body_hash = encode(sha256(convert_to(body, 'UTF8')), 'hex')),
  check ((state = 'open') = (closed_at is null)), check (quorum <= cardinality(approvers)),
  check (own_answer or asked_by <> all (approvers))
);
create index request_open on request (state, expires_at);

/* What people agree to can not be edited, and a closed request never opens again; a yes to one call is */
/* used once, or grows too old. */
create function request_is_fixed() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.own_answer and not exists (select 1 from installation where mode = 'solo') then
      raise exception 'only in a solo installation may the asker answer'
        using errcode = 'check_violation', constraint = 'request_own_answer';
    end if;
  elsif (new.kind, new.app_id, new.asked_by, new.body, new.approvers, new.quorum, new.own_answer, new.expires_at)
    is distinct from
    (old.kind, old.app_id, old.asked_by, old.body, old.approvers, old.quorum, old.own_answer, old.expires_at)
    or (old.state <> 'open' and new.state <> old.state
      and not (old.kind = 'call' and old.state = 'agreed' and new.state in ('used', 'expired'))) then
    raise exception 'a request is never edited' using errcode = 'check_violation', constraint = 'request_is_fixed';
  end if;
  return new;
end $$;
create trigger request_is_fixed before insert or update on request for each row execute function request_is_fixed();

create table answer (
  id text primary key, version bigint not null check (version > 0),
  request_id text not null references request, person_id text not null references person,
  says text not null check (says in ('yes', 'no')), body_hash text not null, comment text, at timestamptz not null,
  constraint answer_once unique (request_id, person_id)
);

/* Only who was asked answers, only to what was asked, only while it is open. */
create function answer_fits() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' or not exists (select 1 from request where id = new.request_id
    and state = 'open' and body_hash = new.body_hash and new.person_id = any (approvers)) then
    raise exception 'this answer does not fit its request'
      using errcode = 'check_violation', constraint = 'answer_fits';
  end if;
  return new;
end $$;
create trigger answer_fits before insert or update on answer for each row execute function answer_fits();

create table finding (
  id text primary key, version bigint not null check (version > 0), kind text not null,
  severity text not null check (severity in ('low', 'medium', 'high')), about text not null,
  owner_id text, details jsonb not null, words text,
  state text not null check (state in ('open', 'answered', 'resolved')), answer text,
  answered_by text, made_at timestamptz not null, closed_at timestamptz
);
create unique index finding_open_once on finding (kind, about) where state = 'open';

/* ── apps, identities, grants ──────────────────────────────────────────────────────────────────── */

create table app (
  id text primary key, version bigint not null check (version > 0), slug text collate "C" not null,
  owner_id text not null references person, backup_id text not null references person,
  offered_to text references person, team text, purpose text not null check (length(purpose) > 0),
  data_classes text[] not null check (data_classes <@ array['public', 'internal', 'customer', 'hr', 'secret']),
  stage text not null check (stage in ('prototype', 'managed')),
  state text not null check (state in ('draft', 'active', 'paused', 'ending', 'ended', 'graduated')),
  end_trigger text not null check (end_trigger in ('date', 'owner', 'day-closes', 'graduation')),
  ends_at timestamptz not null, max_ends_at timestamptz not null,
  paused_because text check (paused_because in ('owner', 'owner-gone', 'drift', 'person')),
  /* Made of what was found; until when what policy denies of its use goes on and is recorded. */
  origin text check (origin = 'adopted'), watched_until timestamptz, orphaned_at timestamptz,
  made_by text not null, made_at timestamptz not null, ended_at timestamptz, check (ends_at > made_at),
  check (ends_at <= max_ends_at),
  /* A prototype lives 30 days at most, however often it is extended. */
  check (stage = 'managed' or max_ends_at - made_at <= interval '30 days'),
  check ((state = 'paused') = (paused_because is not null)),
  constraint app_watched check (watched_until is null or (origin is not null and watched_until <= ends_at)),
  check ((state in ('ended', 'graduated')) = (ended_at is not null))
);
/* Never given again: names of identities, roles at targets and certificates are made of it. */
create unique index app_slug on app (slug);
create index app_due on app (ends_at) where state in ('draft', 'active', 'paused');
create index app_owner on app (owner_id);

/* Two people answer for an app; one alone only where the whole installation is one person's. Looked */
/* at when owner or backup are set, so that a later change of mode leaves no row that can not be ended. */
create function app_needs_two_people() returns trigger language plpgsql as $$
begin
  if new.owner_id = new.backup_id
    and (tg_op = 'INSERT' or new.owner_id <> old.owner_id or new.backup_id <> old.backup_id)
    and not exists (select 1 from installation where mode = 'solo') then
    raise exception 'an app needs an owner and another person as backup'
      using errcode = 'check_violation', constraint = 'app_two_people';
  end if;
  return new;
end $$;
create trigger app_two_people before insert or update on app for each row execute function app_needs_two_people();

/* An end is final, and an end that has begun does not turn back. */
create function app_end_is_final() returns trigger language plpgsql as $$
begin
  if (old.state in ('ended', 'graduated') and new.state <> old.state)
    or (old.state = 'ending' and new.state not in ('ending', 'ended', 'graduated'))
    or new.ends_at < old.ends_at or new.max_ends_at <> old.max_ends_at then
    raise exception 'what has ended stays ended, and an end date only moves later'
      using errcode = 'check_violation', constraint = 'app_end_is_final';
  end if;
  return new;
end $$;
create trigger app_end_is_final before update on app for each row execute function app_end_is_final();

/* Nothing of an app outlasts it (design §8, I3). */
create function ends_within_app() returns trigger language plpgsql as $$
begin
  if (tg_op = 'INSERT' or new.ends_at <> old.ends_at)
    and not exists (select 1 from app where id = new.app_id and ends_at >= new.ends_at) then
    raise exception 'it would outlast its app' using errcode = 'check_violation', constraint = 'ends_within_app';
  end if;
  return new;
end $$;

create table manifest (
  id text primary key, version bigint not null check (version > 0),
  app_id text not null references app, digest text not null, purposes jsonb not null,
  says text not null, state text not null check (state in ('current', 'superseded')), made_at timestamptz not null
);
create unique index manifest_current on manifest (app_id) where state = 'current';

create table identity (
  id text primary key, version bigint not null check (version > 0), app_id text not null references app,
  role text not null check (role in ('build', 'test', 'publish', 'run', 'agent')),
  spiffe_id text collate "C" not null unique check (length(spiffe_id) <= 2048),
  state text not null check (state in ('active', 'revoked')), made_at timestamptz not null, ended_at timestamptz
);
create unique index identity_role on identity (app_id, role) where state = 'active';

create table trust_rule (
  id text primary key, version bigint not null check (version > 0),
  identity_id text not null references identity, app_id text not null references app,
  preset text not null check (preset in ('github', 'gitlab', 'kubernetes', 'person')),
  issuer text collate "C" not null, claims jsonb not null,
  /* Issuer and the immutable id it turns on: what a token is looked up by. */
  anchor text collate "C" not null,
  /* The request that was agreed; null where owning the app is agreement enough. */
  request_id text unique references request,
  state text not null check (state in ('active', 'revoked')), made_at timestamptz not null, ended_at timestamptz
);
create index trust_rule_issuer on trust_rule (issuer) where state = 'active';

/* Assertions that were used, until they would have expired: an assertion is accepted once. */
create table seen_assertion (
  issuer text collate "C" not null, hash text not null, used_at timestamptz not null,
  expires_at timestamptz not null,
  /* The key it was first used with, where it is good for its holder. */
  bound_to text, primary key (issuer, hash)
);
create index seen_assertion_expires on seen_assertion (expires_at);

create table target (
  id text primary key, version bigint not null check (version > 0),
  slug text collate "C" not null unique, connector text not null, address text not null,
  production boolean not null, owner_id text not null references person,
  admin_ends_at timestamptz not null, admin_rotated_at timestamptz not null,
  preflight_state text not null check (preflight_state in ('never', 'passed', 'failed')),
  preflight_at timestamptz, state text not null check (state in ('active', 'retired')), made_at timestamptz not null
);

/* The credential we use there, sealed with the row's id. Apart, so that it is in no image of the row. */
create table target_config (
  target_id text primary key references target, sealed text not null
);

create table resource (
  id text primary key, version bigint not null check (version > 0),
  slug text collate "C" not null unique, target_id text not null references target,
  object jsonb not null, columns jsonb not null,
  data_class text not null check (data_class in ('public', 'internal', 'customer', 'hr', 'secret')),
  data_owner_id text not null references person, sandbox_twin_id text references resource,
  is_sandbox boolean not null, state text not null check (state in ('active', 'retired')),
  made_at timestamptz not null
);

create table app_grant (
  id text primary key, version bigint not null check (version > 0),
  app_id text not null references app, roles text[] not null,
  resource_id text not null references resource, target_id text not null references target,
  actions text[] not null check (cardinality(actions) > 0), columns text[] not null, unattended boolean not null,
  /* Null where somebody took it beyond policy: then it is who did. */
  request_id text references request, glass_by text references person, holder text not null unique,
  /* The most that may be used under it, as people agreed. */
  budget jsonb,
  /* `resting`: nobody uses it, so its right is taken away until its owner takes it up again. */
  state text not null check (state in ('live', 'resting', 'dropped', 'ended')),
  made_at timestamptz not null, ends_at timestamptz not null, used_at timestamptz,
  kept_at timestamptz, ended_at timestamptz
);
create index app_grant_app on app_grant (app_id);
/* What was agreed once is made once: an answer can not be used a second time. */
create unique index app_grant_request on app_grant (request_id);
create trigger app_grant_within_app before insert or update on app_grant for each row execute function ends_within_app();

create table task (
  id text primary key, version bigint not null check (version > 0),
  app_id text not null references app, identity_id text not null references identity,
  kind text not null check (kind in ('job', 'service')), purpose text not null,
  autonomy text not null check (autonomy in ('attended', 'unattended')), on_behalf_of text references person,
  /* The task it works for: what it may do is what both may do, and it ends with the other. */
  parent_id text references task, provenance jsonb not null, provenance_key text not null,
  touched text[] not null default '{}', state text not null check (state in ('open', 'closed')),
  closed_because text check (
    closed_because in ('done', 'expired', 'app', 'identity', 'person', 'hold', 'parent')
  ),
  opened_at timestamptz not null, ends_at timestamptz not null, closed_at timestamptz,
  check ((state = 'closed') = (closed_at is not null))
);
create trigger task_within_app before insert or update on task for each row execute function ends_within_app();
create index task_app on task (app_id);
create index task_parent on task (parent_id) where state = 'open' and parent_id is not null;
create index task_due on task (ends_at) where state = 'open';
create unique index task_joined on task (identity_id, purpose, provenance_key) where state = 'open';

create table hold (
  id text primary key, version bigint not null check (version > 0),
  scope text not null check (scope in ('app', 'person', 'identity', 'task', 'tool', 'issuer', 'everything')),
  about text not null, reason text not null, set_by text not null,
  state text not null check (state in ('set', 'lifted')), made_at timestamptz not null,
  lifted_by text, lifted_at timestamptz
);
create unique index hold_once on hold (scope, about) where state = 'set';

/* ── policy, tokens, leases ────────────────────────────────────────────────────────────────────── */

create table bundle (
  id text primary key, version bigint not null check (version > 0), serial int not null unique,
  /* Not unique: rules may be put back as they were. */
  hash text not null, body text not null, request_id text unique references request,
  state text not null check (state in ('active', 'superseded')), made_at timestamptz not null
);
create unique index bundle_active on bundle (state) where state = 'active';
create index bundle_hash on bundle (hash);

create table token (
  id text primary key, version bigint not null check (version > 0), hash text not null,
  identity_id text not null references identity, app_id text not null references app,
  task_id text not null references task, audience text not null,
  state text not null check (state in ('live', 'revoked', 'expired')),
  issued_at timestamptz not null, expires_at timestamptz not null, revoked_at timestamptz
);
create index token_task on token (task_id);
create index token_expires on token (expires_at) where state = 'live';

create table lease (
  id text primary key, version bigint not null check (version > 0),
  app_id text not null references app, identity_id text not null references identity,
  task_id text not null references task, grant_id text not null references app_grant,
  target_id text not null references target, resource_id text not null references resource,
  actions text[] not null, principal text not null unique, idempotency_hash text,
  state text not null check (state in ('intended', 'live', 'ending', 'gone')),
  outcome text check (outcome in ('verified-gone', 'revoked-unverified', 'never-made')),
  contained boolean not null default false, cause text, term int not null check (term >= 1),
  intent_deadline timestamptz not null, made_at timestamptz not null, issued_at timestamptz,
  term_ends_at timestamptz not null, ends_at timestamptz not null, dies_at timestamptz,
  accepted_path text, evidence jsonb, ended_at timestamptz, check ((state = 'gone') = (outcome is not null)),
  check (state not in ('live') or issued_at is not null), check (term_ends_at <= ends_at)
)
/* Room on each page for the next version of a row: no change of a lease touches an index. */
with (fillfactor = 60);
create index lease_task on lease (task_id);
create index lease_app on lease (app_id);
create unique index lease_idempotent on lease (task_id, idempotency_hash) where idempotency_hash is not null;

/* When the sweep looks at a lease next, until when one has it, and how often it tried: no facts, changed */
/* without an entry, and gone with the lease. Who locks both locks the lease first. */
create table lease_due (
  lease_id text primary key references lease deferrable initially deferred, target_id text not null,
  due_at timestamptz not null, held_until timestamptz, tries int not null default 0
)
/* A claim touches no index. */
with (fillfactor = 70);
create index lease_due_at on lease_due (target_id, due_at);

/* What a credential is derived from, with a key that is not here. Deleted after the last re-check. */
create table lease_salt (
  lease_id text primary key references lease deferrable initially deferred, salt text not null
);

create table offboarding (
  id text primary key, version bigint not null check (version > 0),
  app_id text not null unique references app, plan_hash text not null,
  state text not null check (state in ('running', 'not-green', 'verified-gone')),
  certificate_hash text, certified_at timestamptz, rechecks int not null default 0, made_at timestamptz not null
);

/* The work beside the facts: what was planned, seen and handed out, and when it is looked at again. */
create table offboarding_work (
  offboarding_id text primary key references offboarding, plan text not null, items jsonb not null,
  certificate text, due_at timestamptz, tries int not null default 0
);
create index offboarding_work_due on offboarding_work (due_at);

/* ── room to end things when the disk is full ──────────────────────────────────────────────────── */

/* 16 MB of nothing, in the way of everybody but those who end things. Unlogged: it costs the disk its */
/* size once and nothing else. Run with the owner's rights, since only an owner may drop a table. */
create function keep_reserve() returns boolean
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7135005);
  if coalesce(pg_relation_size(to_regclass('public.store_reserve')), 0) >= 16000000 then
    return true;
  end if;
  drop table if exists store_reserve;
  create unlogged table store_reserve (filler bytea);
  alter table store_reserve alter column filler set storage plain;
  insert into store_reserve
    select decode(repeat('00', 7900), 'hex') from generate_series(1, 2000);
  return true;
exception when disk_full then
  return false;
end $$;

/* Dropping needs no room: its files shrink to nothing at the commit. */
create function spend_reserve() returns void
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7135005);
  drop table if exists store_reserve;
end $$;

/* Who is taking an app down right now, so that a door and a sweep, or two replicas, do not do it at once. */
create table offboarding_claim (
  app_id text primary key references app, until timestamptz not null
);

/* ── use ─────────────────────────────────────────────────────────────────────────────────────────── */

/* What the tools of a target looked like when a person agreed to them, and what looks otherwise now. */
create table tool_pins (
  id text primary key references target, version bigint not null check (version > 0),
  agreed jsonb not null, changed jsonb not null, made_at timestamptz not null
);

/* What has been used under a grant, in each span of its budget. */
create table budget_use (
  grant_id text not null references app_grant, span text not null, calls bigint not null,
  row_count bigint not null, bytes bigint not null, spend bigint not null, primary key (grant_id, span)
);

/* ── decisions at volume ─────────────────────────────────────────────────────────────────────────── */

/* Decisions at volume: kept in batches, each sealed by one entry, in one partition a day. Partitions lie */
/* in a schema of their own that nobody but the owner may look into: whoever reads or adds does so by */
/* the table above them. */
create schema records;

create table decision_record (
  batch_id text not null, nth bigint not null, id text not null, at timestamptz not null,
  app_id text, task_id text, allowed boolean not null, record text not null, hash text not null,
  /* Under our own rules, or under those an app brings for its users. */
  kind text not null check (kind in ('own', 'app')), primary key (at, id)
) partition by range (at);
create index decision_record_id on decision_record (id);
create index decision_record_app on decision_record (app_id, at);
create trigger decision_record_insert_only before update or delete or truncate on decision_record
  for each statement execute function refuse_change();

/* Made apart and then attached: that stops nobody who reads or adds meanwhile, as making it in place would. */
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

/* How far each file of a spool was taken. */
create table decision_spool (
  segment text primary key, sent bigint not null
);

/* Rules an app brings for its own users. */
create table app_rules (
  id text primary key, version bigint not null check (version > 0),
  app_id text not null references app, hash text not null, text jsonb not null,
  state text not null check (state in ('current', 'superseded')), made_at timestamptz not null
);
create unique index app_rules_current on app_rules (app_id) where state = 'current';
create index app_rules_hash on app_rules (hash);

/* Every decision under our own rules that is kept, however it came here. */
create view decision_kept as
  select id, at, app_id, task_id, allowed, record, hash from decision
  union all
  select id, at, app_id, task_id, allowed, record, hash from decision_record where kind = 'own';

/* ── outside systems ─────────────────────────────────────────────────────────────────────────────── */

/* Keys of our issuer for outside systems. They speak to no door of ours, so they stand apart from those that do. */
create table federation_key (
  id text primary key, version bigint not null check (version > 0), jwk jsonb not null,
  state text not null check (state in ('next', 'active', 'retired', 'gone')),
  made_at timestamptz not null, started_at timestamptz, retired_at timestamptz
);
create unique index federation_key_one on federation_key (state) where state in ('next', 'active');
/* The private part, sealed; taken away when its key is gone. */
create table federation_secret (
  key_id text primary key references federation_key, sealed text not null
);

/* What a named person says is gone where no look of ours can tell: with a file that shows it, until they look again. */
create table evidence (
  id text primary key, version bigint not null check (version > 0),
  app_id text not null references app, item_kind text not null, item_id text not null,
  system text not null, person_id text not null references person,
  file_hash text not null check (file_hash ~ '^[0-9a-f]{64}$'), recheck_at timestamptz not null,
  made_at timestamptz not null
);
create index evidence_app on evidence (app_id, made_at);
/* Named by what they hold. Bytes can be taken away; the name stays in the log. */
create table evidence_file (
  app_id text not null references app, hash text not null,
  bytes bytea not null check (octet_length(bytes) between 1 and 5242880), primary key (app_id, hash)
);

/* Things that looks at whole targets find there and that are not ours: whose they are, and of which app. */
create table found_thing (
  id text primary key, version bigint not null check (version > 0),
  target_id text not null references target, native_id text not null, kind text not null,
  name text not null, creator text, made_at timestamptz, last_used_at timestamptz,
  ends_at timestamptz, state text not null check (state in ('found', 'claimed', 'adopted', 'gone')),
  owner_id text references person, app_id text references app, first_seen_at timestamptz not null,
  gone_at timestamptz,
  /* Work of the look, no fact of the thing: it changes daily and is in no entry. */
  seen_at timestamptz, check ((state = 'gone') = (gone_at is not null)),
  check (state = 'gone' or (state <> 'found') = (owner_id is not null)),
  check (state = 'gone' or (state = 'adopted') = (app_id is not null))
);
create unique index found_thing_native on found_thing (target_id, native_id);
create index found_thing_app on found_thing (app_id) where app_id is not null;

/* How far the look at a target is, and what was hidden from it. */
create table look (
  target_id text primary key references target, begun_at timestamptz not null, work jsonb not null
);
