/* Sealed as the one in use: one that is being set at the target now, and those before that were not seen */
/* refused there. own_at: when we made the one in use ourselves, so that nobody has seen it. */
alter table target_config add column pending text, add column own_at timestamptz, add column previous text[] not null default '{}';
/* What of it is stopped at its system while its app is, and what it was before: beside the facts of it. */
alter table found_thing add column held jsonb;
