-- 0012 post in one call
-- Why:   a posting was two round trips and three statements under the locks, each with the policies of its tables (PL-06). Now it is one call, which
--        locks the accounts in the order of their ids, applies the rules of `applyPosting` (ledger.ts; a test holds the two against each other), and writes
--        transaction, entries, balances and the wallets' events. It runs as the tables' owner and checks the actor itself: a person's posting touches accounts of that person
--        only. Constraints and triggers check at commit what it wrote, as before.
-- Locks: none beyond the function's own entry; the check of transactions is replaced in place.
-- Undo:  drop the function; create transactions_balance() of 0004 again.
create function ledger_post(
  transaction_id_in uuid, posting_key_in text, kind_in text, reference_type_in text, reference_id_in uuid, metadata_in jsonb, cause_in jsonb,
  reverses_in uuid, asked_at timestamptz, counts_at timestamptz, account_ids uuid[], currencies text[], amounts bigint[], floors bigint[],
  also_locked uuid[], facts text) returns text language plpgsql security definer set search_path = public, pg_temp
  set plan_cache_mode = force_generic_plan as $$
declare
  wanted uuid[] := array(select distinct w from unnest(account_ids || also_locked) w);
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
      jsonb_build_object('walletId', account_ids[n], 'ownerId', owners[p], 'amountMinor', abs(amounts[n])::text, 'currency', held[p],
        'balanceMinor', afters[n]::text, 'transactionId', transaction_id_in, 'kind', kind_in, 'referenceType', reference_type_in,
        'referenceId', reference_id_in), cause_in, recorded
    from generate_subscripts(account_ids, 1) n, lateral (select array_position(ids, account_ids[n]) as p) at_account
    where kinds[p] in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET');
  return 'POSTED';
end $$;
--> statement-breakpoint
revoke execute on function ledger_post from public;
--> statement-breakpoint
grant execute on function ledger_post to waygraph_payments_ledger_app;
--> statement-breakpoint
-- As in 0004, with one sum for the transactions of one currency, which nearly all are.
create or replace function transactions_balance() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
  found_entries bigint;
  balances boolean;
  counted boolean;
begin
  select count(*), sum(e.amount_minor) = 0 and min(e.currency) = max(e.currency), bool_and(a.entry_count >= e.number) into found_entries, balances, counted
    from entries e join accounts a on a.id = e.account_id where e.transaction_id = new.id;
  if found_entries < 2 then
    raise exception 'transaction % has fewer than two entries', new.id using errcode = '23514', constraint = 'transactions_balance';
  end if;
  if not balances and exists (select 1 from entries e where e.transaction_id = new.id group by e.currency having sum(e.amount_minor) <> 0) then
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
