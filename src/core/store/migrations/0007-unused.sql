-- A grant that nobody uses rests: its right is taken away, and its owner takes it up again with one word.
alter table app_grant add column kept_at timestamptz;
alter table app_grant drop constraint app_grant_state_check;
alter table app_grant add constraint app_grant_state_check
  check (state in ('live', 'resting', 'dropped', 'ended'));
