-- 0004 entries come together
-- Why:   a pair of entries that balances could be added to an old transaction, and an account could skip a number: both are refused now, with four
--        checks per transfer in place of seven (PL-01, PL-05, PL-06). Policies ask who acts once per statement, not once per row.
-- Locks: ACCESS EXCLUSIVE on the ledger's tables for a moment.
-- Undo:  create the functions, triggers and policies of 0001 and 0002 again.
drop trigger entries_balance on entries;
--> statement-breakpoint
drop trigger entries_are_followed on entries;
--> statement-breakpoint
drop function entries_balance();
--> statement-breakpoint
drop function entries_are_followed();
--> statement-breakpoint
-- At commit: a new transaction has as many entries as it says, at least two; they balance per currency; and each is one that its account counts.
create or replace function transactions_balance() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
  found_entries bigint;
  balances boolean;
  counted boolean;
begin
  select coalesce(sum(g.n), 0), coalesce(bool_and(g.minor = 0), true), coalesce(bool_and(g.counted), true) into found_entries, balances, counted
    from (select count(*) as n, sum(e.amount_minor) as minor, bool_and(a.entry_count >= e.number) as counted
      from entries e join accounts a on a.id = e.account_id where e.transaction_id = new.id group by e.currency) g;
  if found_entries < 2 then
    raise exception 'transaction % has fewer than two entries', new.id using errcode = '23514', constraint = 'transactions_balance';
  end if;
  if not balances then
    raise exception 'transaction % does not balance', new.id using errcode = '23514', constraint = 'transactions_balance';
  end if;
  if found_entries <> new.entry_count then
    raise exception 'transaction % says % entries and has %', new.id, new.entry_count, found_entries
      using errcode = '23514', constraint = 'transactions_balance';
  end if;
  if not counted then
    raise exception 'an entry of transaction % is not counted by its account', new.id using errcode = '23514', constraint = 'accounts_follow_entries';
  end if;
  return null;
end $$;
--> statement-breakpoint
drop function assert_transaction_balances(uuid);
--> statement-breakpoint
-- At once: no transaction gets more entries than it says. What has been committed is complete, so nothing can be added to it.
create function entries_fit() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
  full_one uuid;
begin
  select t.id into full_one from (select distinct transaction_id from added) n join transactions t on t.id = n.transaction_id
    where (select count(*) from entries e where e.transaction_id = t.id) > t.entry_count limit 1;
  if found then
    raise exception 'transaction % has all its entries', full_one using errcode = '23514', constraint = 'transactions_balance';
  end if;
  return null;
end $$;
--> statement-breakpoint
create trigger entries_fit after insert on entries referencing new table as added for each statement execute function entries_fit();
--> statement-breakpoint
-- At commit, for every change of an account: it went on by as many entries as there are, from what it said before to what it says now.
create or replace function accounts_follow_entries() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
  follows boolean;
begin
  if tg_op = 'INSERT' then
    follows := new.entry_count = 0 and new.balance_minor = 0;
  elsif new.entry_count = old.entry_count then
    follows := new.balance_minor = old.balance_minor and new.last_hash = old.last_hash;
  else
    select count(*) = new.entry_count - old.entry_count
        and bool_or(e.number = old.entry_count + 1 and e.previous_hash = old.last_hash and e.balance_after_minor - e.amount_minor = old.balance_minor)
        and bool_or(e.number = new.entry_count and e.hash = new.last_hash and e.balance_after_minor = new.balance_minor)
      into follows from entries e where e.account_id = new.id and e.number > old.entry_count and e.number <= new.entry_count;
  end if;
  if follows is not true then
    raise exception 'account % does not say what its entries say', new.id using errcode = '23514', constraint = 'accounts_follow_entries';
  end if;
  return null;
end $$;
--> statement-breakpoint
drop function assert_account_follows(uuid);
--> statement-breakpoint
alter table holds drop constraint holds_captured;
--> statement-breakpoint
alter table holds add constraint holds_captured check (captured_minor between 0 and amount_minor and (captured_minor > 0) = (captures > 0)
  and case status when 'CAPTURED' then captured_minor > 0 when 'ACTIVE' then captured_minor < amount_minor else captured_minor = 0 end);
--> statement-breakpoint
create or replace function holds_settle_once() returns trigger language plpgsql as $$
begin
  if old.status <> 'ACTIVE' then
    raise exception 'hold % is % already', old.id, old.status using errcode = '23514', constraint = 'holds_settle_once';
  end if;
  if new.captured_minor < old.captured_minor or new.amount_minor <> old.amount_minor then
    raise exception 'hold % cannot take a capture back', old.id using errcode = '23514', constraint = 'holds_settle_once';
  end if;
  return new;
end $$;
--> statement-breakpoint
alter policy accounts_read on accounts using (owner_id = (select waygraph_actor_id()) or (select waygraph_is_privileged()));
--> statement-breakpoint
alter policy accounts_open on accounts with check ((select waygraph_is_privileged()));
--> statement-breakpoint
alter policy accounts_post on accounts using (owner_id = (select waygraph_actor_id()) or (select waygraph_is_privileged()));
--> statement-breakpoint
alter policy entries_read on entries using ((select waygraph_is_privileged()) or exists (select 1 from accounts a where a.id = account_id));
--> statement-breakpoint
alter policy entries_post on entries with check ((select waygraph_is_privileged()) or exists (select 1 from accounts a where a.id = account_id));
--> statement-breakpoint
alter policy transactions_read on transactions
  using ((select waygraph_is_privileged()) or exists (select 1 from entries e where e.transaction_id = transactions.id));
--> statement-breakpoint
alter policy transactions_post on transactions with check ((select waygraph_is_privileged()) or (select waygraph_actor_id()) is not null);
