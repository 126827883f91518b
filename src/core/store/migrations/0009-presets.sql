-- Other machines that prove who they are; and the key a token was first used with, where it is good for its holder.
alter table trust_rule drop constraint trust_rule_preset_check;
alter table trust_rule add constraint trust_rule_preset_check
  check (preset in ('github', 'gitlab', 'kubernetes', 'person'));
alter table seen_assertion add column bound_to text;
