-- Filters over a million finished jobs. All of these are partial over what has ended or failed: enqueuing and claiming
-- write none of them, settling writes each once. What is not over is few, and found by the indexes of its states.
create index jobs_payload on jobs using gin (payload jsonb_path_ops)
    where state in ('succeeded', 'retrying', 'dead', 'cancelled');
create index jobs_succeeded on jobs (kind, id) where state = 'succeeded';
create index jobs_failed on jobs (id) where state in ('retrying', 'dead');
create index jobs_erred on jobs (id) where last_error is not null;
create index jobs_cancelled on jobs (id) where state = 'cancelled';
create index jobs_of_tenant on jobs (tenant, id) where tenant is not null
    and state in ('succeeded', 'retrying', 'dead', 'cancelled');
