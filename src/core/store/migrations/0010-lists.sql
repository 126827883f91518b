/* What people look at first is the newest. Nothing in it ever changes, so a lease's own changes touch it never. */
create index lease_made on lease (made_at desc, id);
/* What of all leases there ever were is not proven gone: by ranges of pages, which keeps a change of a lease in */
/* its page (PostgreSQL 16 on). Read with the same words. */
create index lease_unverified on lease using brin ((case outcome when 'revoked-unverified' then 1 else 0 end)) with (pages_per_range = 16);
/* Or nobody knows how few those are, until much has changed. */
analyze lease;
