-- 0009 reports are for admins
-- Why:   what the company earns is read by admins and written by them and our jobs (PL-22).
-- Locks: ACCESS EXCLUSIVE on a new table.
-- Undo:  drop the policy and the constraint, and disable row-level security.
alter table reports enable row level security;
--> statement-breakpoint
create policy reports_ours on reports using ((select waygraph_is_privileged()));
--> statement-breakpoint
alter table reports add constraint reports_status check (status in ('QUEUED', 'RUNNING', 'DONE') and (status = 'DONE') = (content is not null));
