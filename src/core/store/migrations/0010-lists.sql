/* What people look at first is the newest. Nothing in it ever changes, so a lease's own changes touch it never. */
create index lease_made on lease (made_at desc, id);
