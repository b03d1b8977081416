-- 0018 rental deposits
-- Why:   what is set aside while a rental car is out is a payment of its own beside the booking's, so that it is held, taken in part and released by what
--        all payments share (BK-07, PL-08).
-- Locks: ACCESS EXCLUSIVE on payments until the check has read it.
-- Undo:  alter table payments drop constraint payments_subject_type, add constraint payments_subject_type check (subject_type in ('BOOKING', 'TRIP'));
alter table payments drop constraint payments_subject_type,
  add constraint payments_subject_type check (subject_type in ('BOOKING', 'TRIP', 'RENTAL_DEPOSIT'));
