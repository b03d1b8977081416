-- 0011 payers settle booking debts
-- Why:   what a changed or returned booking cost more and nobody could pay is a debt like that of an unpaid trip (PL-12): its payer may settle it, and
--        change nothing else. A booking that failed before it was captured owes nothing.
-- Locks: ACCESS EXCLUSIVE on payments for a moment.
-- Undo:  drop the constraint; alter the policy back to that of 0007.
alter table payments add constraint payments_debt check (debt_minor >= 0);
--> statement-breakpoint
alter policy payments_settle on payments
  using (payer_id = (select waygraph_actor_id()) and status = 'FAILED' and (subject_type = 'TRIP' or debt_minor > 0))
  with check (payer_id = (select waygraph_actor_id()) and status = 'CAPTURED' and debt_minor = 0);
