-- 0001 ledger rules
-- Why:   the books balance, stay as they were written, and no wallet goes below its floor, whatever the code does (PL-01, PL-02, PL-08).
--        The checks run as the tables' owner: under row-level security they would sum only what the actor may see.
-- Locks: ACCESS EXCLUSIVE on the ledger's tables; all are empty here.
-- Undo:  drop the triggers, functions and constraints named here, and grant update and delete again.
alter table accounts
  add constraint accounts_type check (type in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET', 'HELD_FUNDS', 'PLATFORM_REVENUE', 'TAX',
    'PAYOUT_CLEARING', 'CASH_FLOAT', 'GATEWAY_CLEARING', 'REFUND_EXPENSE', 'RECEIVABLE', 'OPENING')),
  add constraint accounts_min_balance check (balance_minor >= min_balance_minor),
  add constraint accounts_wallet_floor check (case
    when type in ('CUSTOMER_WALLET', 'HELD_FUNDS') then min_balance_minor is not null and min_balance_minor = 0
    when type in ('DRIVER_WALLET', 'PARTNER_WALLET') then min_balance_minor is not null and min_balance_minor <= 0
    else true end),
  add constraint accounts_hash check (octet_length(last_hash) = 32);
--> statement-breakpoint
alter table entries
  add constraint entries_amount check (amount_minor <> 0),
  add constraint entries_number check (number > 0),
  add constraint entries_hashes check (octet_length(previous_hash) = 32 and octet_length(hash) = 32);
--> statement-breakpoint
alter table holds
  add constraint holds_status check (status in ('ACTIVE', 'CAPTURED', 'VOIDED', 'EXPIRED')),
  add constraint holds_amount check (amount_minor > 0),
  add constraint holds_captured check (captured_minor between 0 and amount_minor and (captured_minor > 0) = (status = 'CAPTURED'));
--> statement-breakpoint
alter table payments
  add constraint payments_status check (status in ('PENDING', 'AUTHORISED', 'CAPTURED', 'DECLINED', 'FAILED', 'VOIDED', 'REFUNDED')),
  add constraint payments_wanted check (wanted in ('AUTHORISE', 'CAPTURE', 'CLOSE')),
  add constraint payments_method check (method in ('WALLET', 'CARD', 'CASH')),
  add constraint payments_subject_type check (subject_type in ('BOOKING', 'TRIP')),
  add constraint payments_amounts check (amount_minor >= 0 and fee_minor >= 0 and captured_minor >= 0 and refunded_minor between 0 and captured_minor);
--> statement-breakpoint
alter table deposits
  add constraint deposits_status check (status in ('PENDING', 'COMPLETED', 'DECLINED', 'FLAGGED')),
  add constraint deposits_amount check (amount_minor > 0);
--> statement-breakpoint
alter table withdrawals
  add constraint withdrawals_status check (status in ('REQUESTED', 'APPROVED', 'REJECTED', 'PAID', 'FAILED')),
  add constraint withdrawals_method check (method in ('BANK', 'MOBILE_WALLET')),
  add constraint withdrawals_amount check (amount_minor > 0);
--> statement-breakpoint
alter table gateway_calls
  add constraint gateway_calls_kind check (kind in ('AUTHORISE', 'CAPTURE', 'VOID', 'REFUND', 'PAYOUT')),
  add constraint gateway_calls_status check (status in ('OPEN', 'ANSWERED', 'GIVEN_UP')),
  add constraint gateway_calls_subject check ((payment_id is null) <> (withdrawal_id is null));
--> statement-breakpoint
alter table sandbox_charges
  add constraint sandbox_charges_amounts check (captured_minor between 0 and amount_minor and refunded_minor between 0 and captured_minor);
--> statement-breakpoint
create function assert_transaction_balances(checked uuid) returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
  off record;
begin
  if (select count(*) from entries e where e.transaction_id = checked) < 2 then
    raise exception 'transaction % has fewer than two entries', checked using errcode = '23514', constraint = 'transactions_balance';
  end if;
  select e.currency, sum(e.amount_minor) as minor into off
    from entries e where e.transaction_id = checked group by e.currency having sum(e.amount_minor) <> 0 limit 1;
  if found then
    raise exception 'transaction % is off by % %', checked, off.minor, off.currency using errcode = '23514', constraint = 'transactions_balance';
  end if;
end $$;
--> statement-breakpoint
create function transactions_balance() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform assert_transaction_balances(new.id);
  return null;
end $$;
--> statement-breakpoint
create function entries_balance() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform assert_transaction_balances(new.transaction_id);
  return null;
end $$;
--> statement-breakpoint
create constraint trigger transactions_balance after insert on transactions deferrable initially deferred
  for each row execute function transactions_balance();
--> statement-breakpoint
create constraint trigger entries_balance after insert on entries deferrable initially deferred
  for each row execute function entries_balance();
--> statement-breakpoint
-- An account says what its last entry says: nobody moves a balance without an entry, or writes an entry without the balance.
create function assert_account_follows(checked uuid) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform 1 from accounts a
    left join lateral (select e.number, e.balance_after_minor, e.hash from entries e where e.account_id = a.id order by e.number desc limit 1) e on true
    where a.id = checked and (a.balance_minor <> coalesce(e.balance_after_minor, 0) or a.entry_count <> coalesce(e.number, 0)
      or a.last_hash <> coalesce(e.hash, a.last_hash));
  if found then
    raise exception 'account % does not say what its last entry says', checked using errcode = '23514', constraint = 'accounts_follow_entries';
  end if;
end $$;
--> statement-breakpoint
create function accounts_follow_entries() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform assert_account_follows(new.id);
  return null;
end $$;
--> statement-breakpoint
create function entries_are_followed() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform assert_account_follows(new.account_id);
  return null;
end $$;
--> statement-breakpoint
create constraint trigger accounts_follow_entries after insert or update of balance_minor, entry_count, last_hash on accounts deferrable initially deferred
  for each row execute function accounts_follow_entries();
--> statement-breakpoint
create constraint trigger entries_are_followed after insert on entries deferrable initially deferred
  for each row execute function entries_are_followed();
--> statement-breakpoint
create function ledger_is_immutable() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: correct by a reversing transaction', tg_table_name using errcode = '42501';
end $$;
--> statement-breakpoint
create trigger transactions_immutable before update or delete on transactions for each row execute function ledger_is_immutable();
--> statement-breakpoint
create trigger transactions_kept before truncate on transactions for each statement execute function ledger_is_immutable();
--> statement-breakpoint
create trigger entries_immutable before update or delete on entries for each row execute function ledger_is_immutable();
--> statement-breakpoint
create trigger entries_kept before truncate on entries for each statement execute function ledger_is_immutable();
--> statement-breakpoint
create function holds_settle_once() returns trigger language plpgsql as $$
begin
  if old.status <> 'ACTIVE' then
    raise exception 'hold % is % already', old.id, old.status using errcode = '23514', constraint = 'holds_settle_once';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger holds_settle_once before update on holds for each row execute function holds_settle_once();
--> statement-breakpoint
revoke update, delete, truncate on transactions, entries from waygraph_payments_ledger_app;
--> statement-breakpoint
revoke update, delete, truncate on accounts from waygraph_payments_ledger_app;
--> statement-breakpoint
grant update (balance_minor, entry_count, last_hash, closed_at, updated_at) on accounts to waygraph_payments_ledger_app;
--> statement-breakpoint
revoke delete, truncate on holds, payments, deposits, withdrawals, reconciliations, webhook_events, gateway_calls, payables from waygraph_payments_ledger_app;
