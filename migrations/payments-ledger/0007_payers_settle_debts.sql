-- 0007 payers settle debts
-- Why:   a rider pays an owed trip (PL-12): of one's own payments, one that failed may become one that was captured, and nothing else.
-- Locks: ACCESS EXCLUSIVE on payments for a moment.
-- Undo:  drop the policy.
create policy payments_settle on payments for update
  using (payer_id = (select waygraph_actor_id()) and status = 'FAILED' and subject_type = 'TRIP')
  with check (payer_id = (select waygraph_actor_id()) and status = 'CAPTURED' and subject_type = 'TRIP');
