-- What the tools of a target looked like when a person agreed to them, and what looks otherwise now.
create table tool_pins (
  id text primary key references target,
  version bigint not null check (version > 0),
  agreed jsonb not null,
  changed jsonb not null,
  made_at timestamptz not null
);

-- A grant somebody took beyond policy, and who: nobody was asked, so there is no request.
alter table app_grant add column glass_by text references person;
alter table app_grant alter column request_id drop not null;
