-- 0015 where cars will be
-- Why:   a one-way rental takes its car to another station, and who books the car for a time after it has to go there (BK-03, BK-04); who waits for a car that
--        will be elsewhere is told (BK-06b). Row-level security hides other people's bookings from whoever asks, so two functions say where a car will be and
--        whether customers who wait for it will find it, and nothing of who they are. Bookings that wait at the wrong station since before are told by a job.
-- Locks: ACCESS EXCLUSIVE on bookings until the new check has read it, SHARE for the index; on quotes and vehicles for a moment.
-- Undo:  drop the functions, the index and the check; alter table … drop the columns;
ALTER TABLE "bookings" ADD COLUMN "at_risk_why" text;--> statement-breakpoint
ALTER TABLE "quotes" ADD COLUMN "pickup_station_id" uuid;--> statement-breakpoint
ALTER TABLE "vehicles" ADD COLUMN "fleet_station_id" uuid;--> statement-breakpoint
update bookings set at_risk_why = 'LATE' where at_risk_since is not null;
--> statement-breakpoint
update vehicles set fleet_station_id = station_id;
--> statement-breakpoint
CREATE INDEX "bookings_blocking" ON "bookings" USING btree ("vehicle_id","pickup_at") WHERE status in ('HELD', 'CONFIRMED', 'ACTIVE');--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_at_risk" CHECK (("bookings"."at_risk_since" is null) = ("bookings"."at_risk_why" is null));
--> statement-breakpoint
-- The station at which a car will be at a moment: where the last booking before it brings it back, else where it is now. And the next booking from then on.
create function vehicle_whereabouts(vehicle uuid, moment timestamptz, ignored uuid[])
  returns table (station_id uuid, next_pickup_at timestamptz, next_station_id uuid)
  language sql stable security definer set search_path = public, pg_temp as $$
  select coalesce(before.ends_at, v.station_id), after.pickup_at, after.station_id
  from vehicles v
  left join lateral (select coalesce(b.return_station_id, b.station_id) as ends_at from bookings b
    where b.vehicle_id = vehicle and b.status in ('HELD', 'CONFIRMED', 'ACTIVE') and b.pickup_at < moment and b.id <> all(ignored)
    order by b.pickup_at desc limit 1) before on true
  left join lateral (select b.pickup_at, b.station_id from bookings b
    where b.vehicle_id = vehicle and b.status in ('HELD', 'CONFIRMED', 'ACTIVE') and b.pickup_at >= moment and b.id <> all(ignored)
    order by b.pickup_at limit 1) after on true
  where v.vehicle_id = vehicle
$$;
--> statement-breakpoint
-- Bookings that wait for a car, by pick-up: whether it will be elsewhere then, and whether that has been told. Who gets it in spite of that brings it back to
-- where the booking says, so the one behind is right to wait there.
create function bookings_awaiting_vehicle(vehicle uuid)
  returns table (booking_id uuid, elsewhere boolean, told boolean)
  language sql stable security definer set search_path = public, pg_temp as $$
  select chain.id, coalesce(chain.station_id <> chain.car_at, false), chain.at_risk_why is not distinct from 'ELSEWHERE'
  from (select b.id, b.status, b.pickup_at, b.station_id, b.at_risk_why,
      coalesce(lag(coalesce(b.return_station_id, b.station_id)) over (order by b.pickup_at, b.id), v.station_id) as car_at
    from bookings b join vehicles v on v.vehicle_id = b.vehicle_id
    where b.vehicle_id = vehicle and b.status in ('HELD', 'CONFIRMED', 'ACTIVE')) chain
  where chain.status in ('HELD', 'CONFIRMED')
  order by chain.pickup_at, chain.id
$$;
--> statement-breakpoint
insert into timers (id, kind, key, payload, due_at, metadata)
  select gen_random_uuid(), 'behindLateRental', v.vehicle_id || ':0015', '{}', now(), '{"traceId": "00000000000000000000000000000000", "causationId": "0015"}'
  from vehicles v where exists (select 1 from bookings_awaiting_vehicle(v.vehicle_id) waiting where waiting.elsewhere)
  on conflict do nothing;
