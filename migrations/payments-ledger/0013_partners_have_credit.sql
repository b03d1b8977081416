-- 0013 partners have credit
-- Why:   a partner's wallet goes below zero as far as an admin allows (ID-05b, PL-02). The service may not change an account's floor; this function may, for
--        partners' wallets, when an admin or a job of ours asks. The CHECK of 0001 refuses a floor that the balance is below already.
-- Locks: none.
-- Undo:  drop the function.
create function ledger_set_partner_credit(account_in uuid, credit_minor bigint) returns boolean language plpgsql security definer
  set search_path = public, pg_temp as $$
begin
  if not waygraph_is_privileged() then
    raise exception 'only admins give credit' using errcode = '42501';
  end if;
  update accounts set min_balance_minor = -credit_minor where id = account_in and type = 'PARTNER_WALLET' and closed_at is null;
  return found;
end $$;
--> statement-breakpoint
revoke execute on function ledger_set_partner_credit from public;
--> statement-breakpoint
grant execute on function ledger_set_partner_credit to waygraph_payments_ledger_app;
