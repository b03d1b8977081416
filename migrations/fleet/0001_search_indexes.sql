-- 0001 search indexes
-- Why:   search by text with typing errors, by distance and by free time, each by an index (FL-04, FL-05).
-- Locks: ACCESS EXCLUSIVE on vehicles and busy_ranges until the indexes are built; both are empty here.
-- Undo:  drop the trigger vehicles_search, the function, and the four indexes.
create extension if not exists pg_trgm;
--> statement-breakpoint
create extension if not exists btree_gist;
--> statement-breakpoint
create extension if not exists cube;
--> statement-breakpoint
create extension if not exists earthdistance;
--> statement-breakpoint
create function vehicles_search_text() returns trigger language plpgsql as $$
begin
  new.search := lower(concat_ws(' ', new.make, new.model, new.year, array_to_string(new.features, ' '),
    (select s.name from stations s where s.id = new.station_id)));
  return new;
end $$;
--> statement-breakpoint
create trigger vehicles_search before insert or update of make, model, year, features, station_id on vehicles
  for each row execute function vehicles_search_text();
--> statement-breakpoint
create index vehicles_search_trigrams on vehicles using gin (search gin_trgm_ops);
--> statement-breakpoint
create index vehicles_place on vehicles using gist (ll_to_earth(lat, lng)) where lat is not null and lng is not null;
--> statement-breakpoint
create index vehicles_features on vehicles using gin (features);
--> statement-breakpoint
create index busy_ranges_during on busy_ranges using gist (vehicle_id, tstzrange(from_at, to_at));
