-- What a million rows of the ledger showed: lanes count what is dead or waits from one index instead of walking all of it
-- once per lane, and what a job is known by is found by its beginning. Both are written by jobs that fail or end alone.
create index jobs_of_lane on jobs (lane, state, id) where state in ('scheduled', 'retrying', 'dead');
create index jobs_known_by on jobs (lower(key_argument) text_pattern_ops)
    where state in ('succeeded', 'retrying', 'dead', 'cancelled');
create index jobs_tried_again on jobs (attempt, id) where attempt > 1;
