-- 0002 row security
-- Why:   raw SQL as the service's role reads nobody's money but the actor's own (ID-08). Admins and our jobs see everything.
-- Locks: ACCESS EXCLUSIVE on each table for a moment.
-- Undo:  alter table … disable row level security, and drop the policies.
alter table accounts enable row level security;
--> statement-breakpoint
create policy accounts_read on accounts for select using (owner_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
create policy accounts_open on accounts for insert with check (waygraph_is_privileged());
--> statement-breakpoint
create policy accounts_post on accounts for update using (owner_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table entries enable row level security;
--> statement-breakpoint
-- The accounts seen here are those that the policy above lets the actor see.
create policy entries_read on entries for select using (waygraph_is_privileged() or exists (select 1 from accounts a where a.id = account_id));
--> statement-breakpoint
create policy entries_post on entries for insert with check (waygraph_is_privileged() or exists (select 1 from accounts a where a.id = account_id));
--> statement-breakpoint
alter table transactions enable row level security;
--> statement-breakpoint
create policy transactions_read on transactions for select
  using (waygraph_is_privileged() or exists (select 1 from entries e where e.transaction_id = transactions.id));
--> statement-breakpoint
create policy transactions_post on transactions for insert with check (waygraph_is_privileged() or waygraph_actor_id() is not null);
--> statement-breakpoint
alter table holds enable row level security;
--> statement-breakpoint
create policy holds_own on holds using (owner_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table payments enable row level security;
--> statement-breakpoint
create policy payments_parties on payments for select
  using (payer_id = waygraph_actor_id() or payee_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
create policy payments_write on payments using (waygraph_is_privileged());
--> statement-breakpoint
alter table deposits enable row level security;
--> statement-breakpoint
create policy deposits_own on deposits for select using (user_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
create policy deposits_initiate on deposits for insert with check ((user_id = waygraph_actor_id() and status = 'PENDING') or waygraph_is_privileged());
--> statement-breakpoint
create policy deposits_settle on deposits for update using (waygraph_is_privileged());
--> statement-breakpoint
alter table withdrawals enable row level security;
--> statement-breakpoint
create policy withdrawals_own on withdrawals for select using (user_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
create policy withdrawals_request on withdrawals for insert with check ((user_id = waygraph_actor_id() and status = 'REQUESTED') or waygraph_is_privileged());
--> statement-breakpoint
create policy withdrawals_decide on withdrawals for update using (waygraph_is_privileged());
--> statement-breakpoint
alter table gateway_calls enable row level security;
--> statement-breakpoint
create policy gateway_calls_ours on gateway_calls using (waygraph_is_privileged());
--> statement-breakpoint
alter table payables enable row level security;
--> statement-breakpoint
create policy payables_ours on payables using (waygraph_is_privileged());
--> statement-breakpoint
alter table webhook_events enable row level security;
--> statement-breakpoint
create policy webhook_events_ours on webhook_events using (waygraph_is_privileged());
--> statement-breakpoint
alter table reconciliations enable row level security;
--> statement-breakpoint
create policy reconciliations_ours on reconciliations using (waygraph_is_privileged());
--> statement-breakpoint
alter table sandbox_orders enable row level security;
--> statement-breakpoint
create policy sandbox_orders_ours on sandbox_orders using (waygraph_is_privileged());
--> statement-breakpoint
alter table sandbox_charges enable row level security;
--> statement-breakpoint
create policy sandbox_charges_ours on sandbox_charges using (waygraph_is_privileged());
--> statement-breakpoint
alter table sandbox_answers enable row level security;
--> statement-breakpoint
create policy sandbox_answers_ours on sandbox_answers using (waygraph_is_privileged());
