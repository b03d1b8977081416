-- 0017 limits and reversals
-- Why:   a deposit that an admin took back says so (PL-08b). How far a driver's wallet may go below zero is set when it is opened, and was never changed by a
--        new DRIVER_DEBT_LIMIT: the service may not change floors, so a function does, in the order in which postings lock (PL-02). A wallet that is lower than
--        a new limit keeps what it has used, and no more.
-- Locks: ACCESS EXCLUSIVE on deposits for a moment.
-- Undo:  drop the function; create deposits_status of 0001 again.
alter table deposits drop constraint deposits_status;
--> statement-breakpoint
alter table deposits add constraint deposits_status check (status in ('PENDING', 'COMPLETED', 'DECLINED', 'FLAGGED', 'REVERSED'));
--> statement-breakpoint
create function ledger_set_driver_limit(limit_minor bigint) returns int language plpgsql security definer set search_path = public, pg_temp as $$
declare
  wallet record;
  changed int := 0;
begin
  if not waygraph_has_role('SYSTEM') then
    raise exception 'only our own jobs set limits' using errcode = '42501';
  end if;
  if limit_minor < 0 then
    raise exception 'a limit is not below zero' using errcode = '22023';
  end if;
  for wallet in select a.id, least(-limit_minor, a.balance_minor) as floor from accounts a
      where a.type = 'DRIVER_WALLET' and a.min_balance_minor <> least(-limit_minor, a.balance_minor) order by a.id for no key update of a loop
    update accounts set min_balance_minor = wallet.floor where id = wallet.id;
    changed := changed + 1;
  end loop;
  return changed;
end $$;
--> statement-breakpoint
revoke execute on function ledger_set_driver_limit from public;
--> statement-breakpoint
grant execute on function ledger_set_driver_limit to waygraph_payments_ledger_app;
