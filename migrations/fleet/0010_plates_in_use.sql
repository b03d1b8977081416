-- 0010 plates in use
-- Why:   two cars of the fleet with one plate are one car entered twice (FL-02): fines, tolls and keys would go to the wrong one.
-- Locks: SHARE on vehicles until the index is built, under a second for 100,000 cars. Fails when there are such pairs already: retire one of each first.
-- Undo:  drop index vehicles_plate_in_use;
CREATE UNIQUE INDEX "vehicles_plate_in_use" ON "vehicles" USING btree (upper(translate("plate", ' -', ''))) WHERE use = 'RENTAL' and status <> 'RETIRED';