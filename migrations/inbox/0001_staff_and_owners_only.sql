-- 0001 staff and owners only
-- Why:   mail is for staff, a notification for the person it is about, whatever a resolver forgets (IN-04, ID-08); search finds parts of words (IN-03).
-- Locks: ACCESS EXCLUSIVE on the tables for a moment; all are empty here.
-- Undo:  disable row level security on the six tables, drop the policies, the function and the four indexes.
create extension if not exists pg_trgm;
--> statement-breakpoint
-- Whose work mail is: support, admins and our own jobs.
create function inbox_is_staff() returns boolean language sql stable parallel safe
  as $$ select waygraph_is_privileged() or waygraph_has_role('SUPPORT') $$;
--> statement-breakpoint
alter table provider_events enable row level security;
--> statement-breakpoint
create policy provider_events_staff on provider_events using (inbox_is_staff()) with check (inbox_is_staff());
--> statement-breakpoint
alter table threads enable row level security;
--> statement-breakpoint
create policy threads_staff on threads using (inbox_is_staff()) with check (inbox_is_staff());
--> statement-breakpoint
alter table messages enable row level security;
--> statement-breakpoint
create policy messages_staff on messages using (inbox_is_staff()) with check (inbox_is_staff());
--> statement-breakpoint
alter table mail_deliveries enable row level security;
--> statement-breakpoint
create policy mail_deliveries_staff on mail_deliveries using (inbox_is_staff()) with check (inbox_is_staff());
--> statement-breakpoint
alter table suppressions enable row level security;
--> statement-breakpoint
create policy suppressions_staff on suppressions using (inbox_is_staff()) with check (inbox_is_staff());
--> statement-breakpoint
alter table notifications enable row level security;
--> statement-breakpoint
create policy notifications_read on notifications for select using (user_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
-- A person marks their own as read, and cannot give one to somebody else.
create policy notifications_change on notifications for update
  using (user_id = waygraph_actor_id() or waygraph_is_privileged()) with check (user_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
create policy notifications_write on notifications for insert with check (waygraph_is_privileged());
--> statement-breakpoint
create policy notifications_erase on notifications for delete using (waygraph_is_privileged());
--> statement-breakpoint
create index threads_subject_trigrams on threads using gin (subject gin_trgm_ops);
--> statement-breakpoint
create index threads_participant_trigrams on threads using gin (participant_address gin_trgm_ops);
--> statement-breakpoint
create index threads_name_trigrams on threads using gin (participant_name gin_trgm_ops);
--> statement-breakpoint
create index messages_text_trigrams on messages using gin (text gin_trgm_ops);
