/* A request may be that an app graduates. */
alter table request drop constraint request_kind_check, add constraint request_kind_check check (kind in ('grant', 'policy', 'trust', 'call', 'watch', 'graduate'));
/* It leads to one app, whose id has its random part, and to the grants of that app; any other to one. */
drop index app_grant_request;
create unique index app_grant_request on app_grant (request_id) where app_id <> 'ap_' || substr(request_id, 4);
