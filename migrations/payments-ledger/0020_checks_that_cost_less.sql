-- 0020 checks that cost less
-- Why:   a posting took 2.7 million instructions of the server, a sixth of them avoidable (PL-06; counted under callgrind, docs/ledger.md). Postgres reads the
--        text of every CHECK of a table again for every statement that writes to it, and the two that name the types of accounts were the longest by far:
--        they are one call of a function now, which is read once per connection. The checks at commit ask for rows instead of setting up aggregates,
--        and a wallet's event is made of texts, without looking up the type of each value. What is checked is what was checked before.
-- Locks: ACCESS EXCLUSIVE on accounts while the new constraint reads it once.
-- Undo:  create the functions of 0004 and 0012 and the constraints of 0001 again, and drop ledger_account_fits.
create function ledger_account_fits(type text, min_balance_minor bigint) returns boolean language plpgsql immutable parallel safe as $$
begin
  return case
    when type in ('CUSTOMER_WALLET', 'HELD_FUNDS') then min_balance_minor is not null and min_balance_minor = 0
    when type in ('DRIVER_WALLET', 'PARTNER_WALLET') then min_balance_minor is not null and min_balance_minor <= 0
    else type in ('PLATFORM_REVENUE', 'TAX', 'PAYOUT_CLEARING', 'CASH_FLOAT', 'GATEWAY_CLEARING', 'REFUND_EXPENSE', 'RECEIVABLE', 'OPENING') end;
end $$;
--> statement-breakpoint
alter table accounts drop constraint accounts_type, drop constraint accounts_wallet_floor,
  add constraint accounts_wallet_floor check (ledger_account_fits(type, min_balance_minor));
--> statement-breakpoint
-- As in 0012, over the rows themselves: five aggregates took longer to set up than two entries take to read.
create or replace function transactions_balance() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
  entry record;
  found_entries bigint := 0;
  total numeric := 0;
  first_currency text;
  one_currency boolean := true;
  all_counted boolean := true;
begin
  for entry in select e.amount_minor, e.currency, a.entry_count >= e.number as counted
      from entries e join accounts a on a.id = e.account_id where e.transaction_id = new.id loop
    found_entries := found_entries + 1;
    total := total + entry.amount_minor;
    first_currency := coalesce(first_currency, entry.currency);
    one_currency := one_currency and entry.currency = first_currency;
    all_counted := all_counted and entry.counted;
  end loop;
  if found_entries < 2 then
    raise exception 'transaction % has fewer than two entries', new.id using errcode = '23514', constraint = 'transactions_balance';
  end if;
  if (one_currency and total <> 0)
      or (not one_currency and exists (select 1 from entries e where e.transaction_id = new.id group by e.currency having sum(e.amount_minor) <> 0)) then
    raise exception 'transaction % does not balance', new.id using errcode = '23514', constraint = 'transactions_balance';
  end if;
  if found_entries <> new.entry_count then
    raise exception 'transaction % says % entries and has %', new.id, new.entry_count, found_entries
      using errcode = '23514', constraint = 'transactions_balance';
  end if;
  if not all_counted then
    raise exception 'an entry of transaction % is not counted by its account', new.id using errcode = '23514', constraint = 'accounts_follow_entries';
  end if;
  return null;
end $$;
--> statement-breakpoint
-- As in 0004; one entry more, which nearly every change is, is looked up by its number.
create or replace function accounts_follow_entries() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
  follows boolean;
begin
  if tg_op = 'INSERT' then
    follows := new.entry_count = 0 and new.balance_minor = 0;
  elsif new.entry_count = old.entry_count then
    follows := new.balance_minor = old.balance_minor and new.last_hash = old.last_hash;
  elsif new.entry_count = old.entry_count + 1 then
    select e.previous_hash = old.last_hash and e.balance_after_minor - e.amount_minor = old.balance_minor
        and e.hash = new.last_hash and e.balance_after_minor = new.balance_minor
      into follows from entries e where e.account_id = new.id and e.number = new.entry_count;
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
-- As in 0012, with what is said above.
create or replace function ledger_post(
  transaction_id_in uuid, posting_key_in text, kind_in text, reference_type_in text, reference_id_in uuid, metadata_in jsonb, cause_in jsonb,
  reverses_in uuid, asked_at timestamptz, counts_at timestamptz, account_ids uuid[], currencies text[], amounts bigint[], floors bigint[],
  also_locked uuid[], facts text) returns text language plpgsql security definer set search_path = public, pg_temp
  set plan_cache_mode = force_generic_plan as $$
declare
  -- Commands name every account once, those of the entries among them: then there is nothing to be made unique.
  wanted uuid[] := also_locked;
  privileged boolean := waygraph_is_privileged();
  actor uuid := case when privileged then null else waygraph_actor_id() end;
  recorded timestamptz;
  effective timestamptz;
  times text;
  ids uuid[];
  held text[];
  balances bigint[];
  minimums bigint[];
  counts bigint[];
  hashes bytea[];
  shut boolean[];
  kinds text[];
  owners uuid[];
  at_account int;
  numbers bigint[] := '{}';
  afters bigint[] := '{}';
  previous bytea[] := '{}';
  written bytea[] := '{}';
begin
  if not account_ids <@ wanted then
    wanted := array(select distinct w from unnest(account_ids || also_locked) w);
  end if;
  select array_agg(l.id), array_agg(l.currency), array_agg(l.balance_minor), array_agg(l.min_balance_minor), array_agg(l.entry_count), array_agg(l.last_hash),
      array_agg(l.closed_at is not null), array_agg(l.type), array_agg(l.owner_id), greatest(asked_at, max(l.updated_at))
    into ids, held, balances, minimums, counts, hashes, shut, kinds, owners, recorded
    from (select a.id, a.currency, a.balance_minor, a.min_balance_minor, a.entry_count, a.last_hash, a.closed_at, a.updated_at, a.type, a.owner_id
      from accounts a
      where a.id = any(wanted) and (select count(*) from accounts b where b.id = any(wanted) and (privileged or b.owner_id = actor)) = cardinality(wanted)
      order by a.id for no key update of a) l;
  -- Nothing is locked while one is missing.
  if ids is null or cardinality(ids) < cardinality(wanted) then
    return 'MISSING';
  end if;
  effective := coalesce(counts_at, recorded);
  times := concat('","', to_char(effective at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '","',
    to_char(recorded at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '"]');
  for entry in 1 .. cardinality(account_ids) loop
    at_account := array_position(ids, account_ids[entry]);
    if shut[at_account] then
      return 'CLOSED';
    end if;
    if held[at_account] <> currencies[entry] then
      raise exception 'posting %: account % holds %', posting_key_in, ids[at_account], held[at_account];
    end if;
    balances[at_account] := balances[at_account] + amounts[entry];
    counts[at_account] := counts[at_account] + 1;
    if amounts[entry] < 0 and (balances[at_account] < minimums[at_account] or balances[at_account] < floors[entry]) then
      return 'INSUFFICIENT';
    end if;
    numbers := numbers || counts[at_account];
    afters := afters || balances[at_account];
    previous := previous || hashes[at_account];
    hashes[at_account] := sha256(hashes[at_account] || convert_to(concat('["', ids[at_account], '","', counts[at_account], '",', facts, ',"', amounts[entry], '","',
      held[at_account], '","', balances[at_account], times), 'UTF8'));
    written := written || hashes[at_account];
  end loop;
  insert into transactions (id, posting_key, kind, reference_type, reference_id, metadata, cause, entry_count, reverses, effective_at, recorded_at)
    values (transaction_id_in, posting_key_in, kind_in, reference_type_in, reference_id_in, metadata_in, cause_in, cardinality(account_ids), reverses_in,
      effective, recorded);
  insert into entries (account_id, number, transaction_id, amount_minor, currency, balance_after_minor, effective_at, recorded_at, previous_hash, hash)
    select account_ids[n], numbers[n], transaction_id_in, amounts[n], currencies[n], afters[n], effective, recorded, previous[n], written[n]
    from generate_subscripts(account_ids, 1) n;
  update accounts a set balance_minor = balances[array_position(ids, a.id)], entry_count = counts[array_position(ids, a.id)],
      last_hash = hashes[array_position(ids, a.id)], updated_at = recorded
    where a.id = any(account_ids);
  -- The wallets' events (PL-23) come with their entries: numbered as they are, and under the same locks.
  insert into events (id, aggregate_type, aggregate_id, sequence, type, version, payload, metadata, occurred_at)
    select gen_random_uuid(), 'wallet', account_ids[n], numbers[n], case when amounts[n] > 0 then 'wallet.credited' else 'wallet.debited' end, 1,
      jsonb_object(array['walletId', account_ids[n]::text, 'ownerId', owners[p]::text, 'amountMinor', abs(amounts[n])::text, 'currency', held[p],
        'balanceMinor', afters[n]::text, 'transactionId', transaction_id_in::text, 'kind', kind_in, 'referenceType', reference_type_in,
        'referenceId', reference_id_in::text]), cause_in, recorded
    from generate_subscripts(account_ids, 1) n, lateral (select array_position(ids, account_ids[n]) as p) at_account
    where kinds[p] in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET');
  return 'POSTED';
end $$;
