/* Who may do what. Run again whenever this text or a migration changed, in the same transaction. */
/* Nobody signs in as these roles: a session takes one on, and the check at start reads it back. */
/*   leasehold_runtime    everything the product does. It adds to the log's inbox and reads the log; */
/*                        it can not move, change or remove an entry, a checkpoint or a decision. */
/*   leasehold_sequencer  moves entries from the inbox to their position, and can do nothing else. */
do $$ begin
  if not exists (select from pg_roles where rolname = 'leasehold_runtime') then create role leasehold_runtime nologin noinherit; end if;
  if not exists (select from pg_roles where rolname = 'leasehold_sequencer') then create role leasehold_sequencer nologin noinherit; end if;
end $$;
grant leasehold_runtime, leasehold_sequencer to current_user;

revoke all on all tables in schema public from public, leasehold_runtime, leasehold_sequencer;
grant usage on schema public to leasehold_runtime, leasehold_sequencer;
grant select on all tables in schema public to leasehold_runtime, leasehold_sequencer;

/* A sign-in that is only a member of the roles sees by this that nothing is left to migrate. */
grant select on schema_migration to public;

grant insert, update, delete on all tables in schema public to leasehold_runtime;
revoke insert, update, delete on schema_migration, ledger_entry, ledger_node, ledger_head from leasehold_runtime;
revoke update, delete on ledger_inbox, ledger_checkpoint, decision, key_table from leasehold_runtime;
revoke insert, update on ledger_words from leasehold_runtime;

grant insert on ledger_entry, ledger_words, ledger_node, ledger_checkpoint to leasehold_sequencer;
grant update on ledger_head to leasehold_sequencer;
grant delete on ledger_inbox to leasehold_sequencer;

revoke all on function keep_reserve(), spend_reserve() from public;
grant execute on function keep_reserve(), spend_reserve() to leasehold_runtime;

/* Where nobody vacuums for us (PGlite), we do; older servers have no such right and need none. */
do $$ begin
  if current_setting('server_version_num')::int >= 170000 then
    grant maintain on all tables in schema public to leasehold_runtime;
  end if;
end $$;

revoke update, delete on decision_record, decision_kept from leasehold_runtime;
revoke insert on decision_kept from leasehold_runtime;
revoke all on function keep_partition(date) from public;
grant execute on function keep_partition(date) to leasehold_runtime;
