-- 0009 rules of the city
-- Why:   one price per class and moment whatever the code does (DP-10), surge within 1.0 to 3.0 (DP-11), and recorded ticks and reasons for nobody but
--        those whom they concern (ID-08).
-- Locks: SHARE ROW EXCLUSIVE on fare_rates, a few rows; the other tables are empty.
-- Undo:  drop the constraints, triggers, function and policies.
create extension if not exists btree_gist;
--> statement-breakpoint
alter table fare_rates
  add constraint fare_rates_table foreign key (table_id) references fare_tables (id),
  add constraint fare_rates_vehicle_type check (vehicle_type in ('ECONOMY', 'COMFORT', 'PREMIUM', 'XL')),
  add constraint fare_rates_period check (effective_until > effective_from),
  add constraint fare_rates_not_negative check (least(base_minor, per_km_minor, per_minute_minor, minimum_minor, booking_fee_minor, cancellation_fee_minor,
    waiting_free_s, waiting_per_minute_minor) >= 0),
  add constraint fare_rates_no_overlap exclude using gist (table_id with =, vehicle_type with =, tstzrange(effective_from, effective_until) with &&);
--> statement-breakpoint
-- Looks at whole tables at the end of the transaction that writes them: all classes from the table's first moment on, each period where the last one ended.
create function fare_tables_check_seamless() returns trigger language plpgsql security definer set search_path = public as $$
begin
  if (select count(*) from fare_rates r where r.table_id = new.id and r.effective_from = new.effective_from) <> 4
    or (select count(*) from fare_rates r where r.table_id = new.id and r.effective_until is null) <> 4
    or exists (select 1 from fare_rates r where r.table_id = new.id and r.effective_until is not null and not exists (
      select 1 from fare_rates n where n.table_id = r.table_id and n.vehicle_type = r.vehicle_type and n.effective_from = r.effective_until)) then
    raise exception 'rate table % has a gap', new.id using errcode = 'check_violation';
  end if;
  return null;
end $$;
--> statement-breakpoint
create constraint trigger fare_tables_seamless after insert or update on fare_tables deferrable initially deferred
  for each row execute function fare_tables_check_seamless();
--> statement-breakpoint
create function fare_rates_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'rates are added, never changed: write a new table' using errcode = 'check_violation';
end $$;
--> statement-breakpoint
create trigger fare_rates_append_only before update or delete on fare_rates for each row execute function fare_rates_refuse_change();
--> statement-breakpoint
create trigger fare_tables_append_only before update or delete on fare_tables for each row execute function fare_rates_refuse_change();
--> statement-breakpoint
alter table price_events
  add constraint price_events_multiplier check (multiplier_permille between 1000 and 2000),
  add constraint price_events_times check (ends_at > starts_at);
--> statement-breakpoint
alter table surge_cells
  add constraint surge_cells_bounds check (surge_permille between 1000 and 3000 and target_permille between 1000 and 3000);
--> statement-breakpoint
alter table trip_quotes
  add constraint trip_quotes_surge_bounds check (surge_permille between 1000 and 3000),
  add constraint trip_quotes_trip foreign key (trip_id) references trips (id);
--> statement-breakpoint
alter table matching_ticks enable row level security;
--> statement-breakpoint
create policy matching_ticks_office on matching_ticks using (waygraph_is_privileged());
--> statement-breakpoint
alter table trip_reasons enable row level security;
--> statement-breakpoint
create policy trip_reasons_of_parties on trip_reasons using (waygraph_is_privileged() or exists (
  select 1 from trips t where t.id = trip_reasons.trip_id and waygraph_actor_id() in (t.rider_id, t.driver_user_id)));
