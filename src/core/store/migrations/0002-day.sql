/* An app knows the organised build day it was made for, and one order stops all apps of a day. Beside
   the code before: what it makes has no day, and it sets no such hold. */
alter table app add column day text collate "C";
create index app_day on app (day) where day is not null;
alter table hold drop constraint hold_scope_check, add constraint hold_scope_check
  check (scope in ('app', 'person', 'identity', 'task', 'tool', 'issuer', 'day', 'everything'));
