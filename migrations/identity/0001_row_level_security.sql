-- 0001 row level security
-- Why:   people see themselves; admins and our own jobs see everybody. Names alone go out through user_names, for edges that have checked the
--        asker already (ID-07b, ID-08).
-- Locks: ACCESS EXCLUSIVE on each table, for an instant.
-- Undo:  alter table … disable row level security; drop the policies and user_names.
alter table users enable row level security;
--> statement-breakpoint
create policy users_self on users using (id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table sessions enable row level security;
--> statement-breakpoint
create policy sessions_self on sessions using (user_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table refresh_tokens enable row level security;
--> statement-breakpoint
create policy refresh_tokens_jobs on refresh_tokens using (waygraph_has_role('SYSTEM'));
--> statement-breakpoint
alter table sign_in_failures enable row level security;
--> statement-breakpoint
create policy sign_in_failures_jobs on sign_in_failures using (waygraph_has_role('SYSTEM'));
--> statement-breakpoint
alter table signing_keys enable row level security;
--> statement-breakpoint
create policy signing_keys_jobs on signing_keys using (waygraph_has_role('SYSTEM'));
--> statement-breakpoint
alter table audit_events enable row level security;
--> statement-breakpoint
create policy audit_events_read on audit_events for select using (waygraph_is_privileged());
--> statement-breakpoint
create policy audit_events_append on audit_events for insert with check (user_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
revoke update, delete, truncate on audit_events from public, waygraph_identity_app;
--> statement-breakpoint
alter table users add constraint users_reachable check (email is not null or phone is not null);
--> statement-breakpoint
create function user_names(ids uuid[]) returns table (id uuid, name text) language sql stable security definer set search_path = public
  as $$ select u.id, u.name from users u where u.id = any(ids) $$;
