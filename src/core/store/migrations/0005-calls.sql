-- One call that waits for a person; what was agreed to is used once.
alter table request drop constraint request_kind_check;
alter table request add constraint request_kind_check check (kind in ('grant', 'policy', 'trust', 'call'));
alter table request drop constraint request_state_check;
alter table request add constraint request_state_check
  check (state in ('open', 'agreed', 'denied', 'withdrawn', 'expired', 'used'));
-- Orders to stop one task, one tool, one outside issuer.
alter table hold drop constraint hold_scope_check;
alter table hold add constraint hold_scope_check
  check (scope in ('app', 'person', 'identity', 'task', 'tool', 'issuer', 'everything'));

-- As before; but a yes to one call is used once, or grows too old.
create or replace function request_is_fixed() returns trigger language plpgsql as $$
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
    raise exception 'a request is never edited'
      using errcode = 'check_violation', constraint = 'request_is_fixed';
  end if;
  return new;
end $$;
