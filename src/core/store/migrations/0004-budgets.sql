-- The most that may be used under a grant, as people agreed; and what has been, in each span of it.
alter table app_grant add column budget jsonb;
create table budget_use (
  grant_id text not null references app_grant,
  span text not null,
  calls bigint not null,
  row_count bigint not null,
  bytes bigint not null,
  spend bigint not null,
  primary key (grant_id, span)
);
