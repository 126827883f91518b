/* Workloads of a SPIFFE trust domain may be trusted. Only ever wider: the version before makes no such row. */
alter table trust_rule drop constraint trust_rule_preset_check, add constraint trust_rule_preset_check
  check (preset in ('github', 'gitlab', 'kubernetes', 'spiffe', 'person'));
