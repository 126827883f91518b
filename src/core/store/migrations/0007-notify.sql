/* Where taking up news from the log stands, and until when end dates were looked at. Work, no facts. */
create table notice_position (id int primary key default 1 check (id = 1), position bigint not null, looked_at timestamptz not null);
/* One telling: of what, by which channel, to whom ('' for the place that the channel has). Ids, enums, numbers and */
/* instants alone: names are read when it is told. message: what the channel needs to say it anew in place. */
create table notice (
  nth bigint generated always as identity primary key, id text not null, channel text not null, person_id text not null,
  kind text not null, about text not null, thread text not null, facts jsonb not null, quiet boolean not null,
  at timestamptz not null, due_at timestamptz not null, tries int not null default 0, message text,
  state text not null default 'waiting' check (state in ('waiting', 'told', 'failed')), unique (id, channel, person_id)
);
create index notice_due on notice (channel, due_at) where state = 'waiting';
create index notice_thread on notice (thread);
