-- 0003 cars in search only
-- Why:   typing errors are forgiven against the words that cars have, a few thousand, and cars are found by exact words: comparing the trigrams of every
--        car that may fit took 20 µs each, 450 ms for a common make at 100,000 cars. The new indexes hold only what search can find. Cars in a circle are found by
--        latitude and longitude, of which the planner knows how many there are; the nearest by walking the index over places. Whether a car is free is asked
--        once per car that is still in question, by busy_ranges_ahead.
-- Locks: ACCESS EXCLUSIVE on vehicles and busy_ranges until the indexes are built and each car's words are written.
-- Undo:  drop what is made here and create the indexes, trigger and function of 0001 again.
drop index busy_ranges_during;
--> statement-breakpoint
drop index vehicles_place;
--> statement-breakpoint
drop index vehicles_features;
--> statement-breakpoint
drop index vehicles_search_trigrams;
--> statement-breakpoint
drop trigger vehicles_search on vehicles;
--> statement-breakpoint
drop function vehicles_search_text();
--> statement-breakpoint
create function vehicles_keep_words() returns trigger language plpgsql as $$
begin
  new.search_words := array(
    select distinct word from regexp_split_to_table(lower(concat_ws(' ', new.make, new.model, new.year, array_to_string(new.features, ' '),
      (select s.name from stations s where s.id = new.station_id))), '[-\s,./()&+]+') word where word <> '');
  -- In one order for all, so that two writers with the same new words cannot wait for each other.
  insert into search_words (word) select word from unnest(new.search_words) as found(word)
    where new.use = 'RENTAL' and not exists (select 1 from search_words known where known.word = found.word) order by word on conflict do nothing;
  return new;
end $$;
--> statement-breakpoint
create trigger vehicles_words before insert or update of make, model, year, features, station_id on vehicles
  for each row execute function vehicles_keep_words();
--> statement-breakpoint
update vehicles set make = make;
--> statement-breakpoint
create index search_words_trigrams on search_words using gin (word gin_trgm_ops);
--> statement-breakpoint
create index vehicles_listed_words on vehicles using gin (search_words) where use = 'RENTAL' and status = 'ACTIVE';
--> statement-breakpoint
create index vehicles_listed_features on vehicles using gin (features) where use = 'RENTAL' and status = 'ACTIVE';
--> statement-breakpoint
create index vehicles_listed_place on vehicles using gist (ll_to_earth(lat, lng))
  where lat is not null and lng is not null and use = 'RENTAL' and status = 'ACTIVE';
--> statement-breakpoint
create index vehicles_listed_area on vehicles using gist (lat, lng) where use = 'RENTAL' and status = 'ACTIVE';
