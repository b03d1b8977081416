-- 0015 promises and debts
-- Why:   payments that were authorised before know what their card promised, and failed trips what is owed, as failed bookings do: RECEIVABLE is then the sum
--        of what payments say is owed (PF-02b). Raw SQL reads the bank's memory as little as the gateway's (ID-08). A report may have FAILED.
-- Locks: ROW EXCLUSIVE on payments while they are written; ACCESS EXCLUSIVE on sandbox_payouts and reports for a moment.
-- Undo:  update payments set debt_minor = 0 where subject_type = 'TRIP'; drop the policy; create reports_status of 0009 again.
update payments p set authorised_minor = coalesce((select c.amount_minor from gateway_calls c where c.payment_id = p.id and c.kind = 'AUTHORISE'
    and c.order_number = 0 and c.status = 'ANSWERED' and c.last_problem is null order by c.created_at desc limit 1), p.amount_minor)
  where status = 'AUTHORISED';
--> statement-breakpoint
update payments set debt_minor = case wanted when 'CLOSE' then fee_minor else amount_minor end where status = 'FAILED' and subject_type = 'TRIP';
--> statement-breakpoint
alter table sandbox_payouts enable row level security;
--> statement-breakpoint
create policy sandbox_payouts_ours on sandbox_payouts using ((select waygraph_is_privileged()));
--> statement-breakpoint
alter table reports drop constraint reports_status;
--> statement-breakpoint
alter table reports add constraint reports_status check (status in ('QUEUED', 'RUNNING', 'DONE', 'FAILED')
  and (status = 'DONE') = (content is not null) and (status = 'FAILED') = (problem is not null));
--> statement-breakpoint
alter table payments add constraint payments_debt_is_open check (debt_minor = 0 or status in ('FAILED', 'CAPTURED'));
