-- 0003 first rates
-- Why:   what a trip costs from the first day on (DP-10); amounts are piastres. Later rates are further rows with a later date.
-- Locks: none but of the rows.
-- Undo:  delete from fare_rates where effective_from = '2020-01-01T00:00:00Z';
insert into fare_rates (vehicle_type, effective_from, base_minor, per_km_minor, per_minute_minor, minimum_minor, booking_fee_minor, cancellation_fee_minor) values
  ('ECONOMY', '2020-01-01T00:00:00Z', 1000, 350, 50, 1500, 0, 1000),
  ('COMFORT', '2020-01-01T00:00:00Z', 1500, 500, 75, 2500, 0, 1000),
  ('PREMIUM', '2020-01-01T00:00:00Z', 2500, 800, 100, 4000, 0, 1000),
  ('XL', '2020-01-01T00:00:00Z', 2000, 600, 80, 3500, 0, 1000);
