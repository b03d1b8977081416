-- 0010 plates in use
-- Why:   two cars of the fleet with one plate are one car entered twice (FL-02): fines, tolls and keys would go to the wrong one. Of such pairs that are there
--        already the car that came later has its plate marked, `ABC 123 #2`, for somebody to look at: a system that does not start helps nobody.
-- Locks: SHARE on vehicles until the index is built, under a second for 100,000 cars.
-- Undo:  drop index vehicles_plate_in_use; (marked plates stay marked)
update vehicles set plate = plate || ' #' || twin.number
from (
  select id as twin_id, row_number() over (partition by upper(translate(plate, ' -', '')) order by created_at, id) as number
  from vehicles where use = 'RENTAL' and status <> 'RETIRED'
) twin
where id = twin.twin_id and twin.number > 1;--> statement-breakpoint
CREATE UNIQUE INDEX "vehicles_plate_in_use" ON "vehicles" USING btree (upper(translate("plate", ' -', ''))) WHERE use = 'RENTAL' and status <> 'RETIRED';
