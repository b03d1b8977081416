-- 0006 control is for admins
-- Why:   what reconciliation found, how far sums were checked, and whom somebody suspects, is read and written by admins and our jobs only (ID-08).
-- Locks: ACCESS EXCLUSIVE on three new tables.
-- Undo:  drop the policies and constraints, and disable row-level security.
alter table discrepancies enable row level security;
--> statement-breakpoint
create policy discrepancies_ours on discrepancies using ((select waygraph_is_privileged()));
--> statement-breakpoint
alter table discrepancies add constraint discrepancies_status check (status in ('OPEN', 'RESOLVED') and (status = 'RESOLVED') = (resolved_at is not null));
--> statement-breakpoint
alter table balance_checkpoints enable row level security;
--> statement-breakpoint
create policy balance_checkpoints_ours on balance_checkpoints using ((select waygraph_is_privileged()));
--> statement-breakpoint
alter table fraud_flags enable row level security;
--> statement-breakpoint
create policy fraud_flags_ours on fraud_flags using ((select waygraph_is_privileged()));
--> statement-breakpoint
alter table fraud_flags add constraint fraud_flags_status check (status in ('OPEN', 'CLEARED', 'CONFIRMED') and (status = 'OPEN') = (decided_at is null));
--> statement-breakpoint
revoke delete, truncate on discrepancies, fraud_flags from waygraph_payments_ledger_app;
