-- Jobs that were chosen one by one; `filter` then holds words for people.
alter table bulk_operations add column by_hand boolean not null default false;
update bulk_operations set by_hand = true where filter ~ '^[0-9]+ chosen by hand$';

-- How many jobs of each outcome, counted when the operation came into the state that stands beside. Another state, or
-- nothing: its items must be counted.
alter table bulk_operations add column counted jsonb;
