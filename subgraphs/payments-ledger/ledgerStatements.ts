/**
 * The statements of the posting path. They are prepared (`Tx.prepared`), and the same texts run in `bench/ledger.ts` under pgbench, so that what
 * the commands are measured against is the same work.
 */
const ACCOUNT_COLUMNS = `a.id, a.type, a.owner_id, a.currency, a.balance_minor, a.min_balance_minor, a.entry_count, a.last_hash,
  a.closed_at is not null as closed, a.updated_at`;

/**
 * $1: ids as an array, $2: how many. Counts first and locks only when all are there: an account that has to be opened must be opened before anything
 * is locked (see `lockAll`). NO KEY UPDATE, so that foreign keys of entries do not wait.
 */
export const LOCK_ACCOUNTS = `select ${ACCOUNT_COLUMNS} from accounts a
  where a.id = any($1::uuid[]) and (select count(*) from accounts b where b.id = any($1::uuid[])) = $2::bigint
  order by a.id for no key update of a`;

/** One posting: see `ledger_post` in the migrations, and `callLedger`. $11 to $14 have one element per entry, $15 every account once. */
export const POST = `select ledger_post($1::uuid, $2::text, $3::text, $4::text, $5::uuid, $6::text::jsonb, $7::text::jsonb, $8::uuid, $9::timestamptz,
  $10::timestamptz, $11::uuid[], $12::text[], $13::bigint[], $14::bigint[], $15::uuid[], $16::text) as outcome`;

/** $1: ids as an array. */
export const READ_ACCOUNTS = `select ${ACCOUNT_COLUMNS} from accounts a where a.id = any($1::uuid[])`;

/** Several postings, with the events of the wallets that they move. $1: transactions, $2: entries, $3: accounts after them, $4: cause; all JSON. One statement, hence one round trip under the locks. */
export const WRITE_POSTINGS = `with t as (
    insert into transactions (id, posting_key, kind, reference_type, reference_id, metadata, cause, entry_count, reverses, effective_at, recorded_at)
    select x.id, x.posting_key, x.kind, x.reference_type, x.reference_id, x.metadata, $4::text::jsonb, x.entry_count, x.reverses, x.effective_at, x.recorded_at
    from json_to_recordset($1::text::json) as x(id uuid, posting_key text, kind text, reference_type text, reference_id uuid, metadata jsonb,
      entry_count smallint, reverses uuid, effective_at timestamptz, recorded_at timestamptz)),
  e as (
    insert into entries (account_id, number, transaction_id, amount_minor, currency, balance_after_minor, effective_at, recorded_at, previous_hash, hash)
    select x.account_id, x.number, x.transaction_id, x.amount_minor, x.currency, x.balance_after_minor, x.effective_at, x.recorded_at,
      decode(x.previous_hash, 'hex'), decode(x.hash, 'hex')
    from json_to_recordset($2::text::json) as x(account_id uuid, number bigint, transaction_id uuid, amount_minor bigint, currency text,
      balance_after_minor bigint, effective_at timestamptz, recorded_at timestamptz, previous_hash text, hash text)),
  v as (
    insert into events (id, aggregate_type, aggregate_id, sequence, type, version, payload, metadata, occurred_at)
    select gen_random_uuid(), 'wallet', a.id, x.number, case when x.amount_minor > 0 then 'wallet.credited' else 'wallet.debited' end, 1,
      jsonb_object(array['walletId', a.id::text, 'ownerId', a.owner_id::text, 'amountMinor', abs(x.amount_minor)::text, 'currency', a.currency,
        'balanceMinor', x.balance_after_minor::text, 'transactionId', x.transaction_id::text, 'kind', y.kind, 'referenceType', y.reference_type,
        'referenceId', y.reference_id::text]), $4::text::jsonb, x.recorded_at
    from json_to_recordset($2::text::json) as x(account_id uuid, number bigint, transaction_id uuid, amount_minor bigint, balance_after_minor bigint,
        recorded_at timestamptz)
      join json_to_recordset($1::text::json) as y(id uuid, kind text, reference_type text, reference_id uuid) on y.id = x.transaction_id
      join accounts a on a.id = x.account_id
    where a.type in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET'))
  update accounts a set balance_minor = x.balance_minor, entry_count = x.entry_count, last_hash = decode(x.last_hash, 'hex'), updated_at = x.updated_at
  from json_to_recordset($3::text::json) as x(id uuid, balance_minor bigint, entry_count bigint, last_hash text, updated_at timestamptz)
  where a.id = x.id`;
