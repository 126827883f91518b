/* Others sign in with the account that we were given: its credential is not made anew by itself. Beside the code before: it is. */
alter table target_config add column is_shared boolean not null default false;
