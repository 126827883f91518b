-- A task that works for another: what it may do is what both may do, and it ends with the other.
alter table task add column parent_id text references task;
alter table task drop constraint task_closed_because_check;
alter table task add constraint task_closed_because_check
  check (closed_because in ('done', 'expired', 'app', 'identity', 'person', 'hold', 'parent'));
create index task_parent on task (parent_id) where state = 'open' and parent_id is not null;
