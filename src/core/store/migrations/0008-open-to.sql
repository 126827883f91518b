/* Who may open an app's pages: people by id, or `*` for everybody who signs in here. Beside the code before: nobody. */
alter table app add column open_to text[] not null default '{}';
/* That everybody may is a request. */
alter table request drop constraint request_kind_check, add constraint request_kind_check
  check (kind in ('grant', 'policy', 'trust', 'call', 'watch', 'graduate', 'share'));
