-- The engine at full strength: limits by key, tenants, expiry, batches, effects, error groups, alarms, figures.
-- The version before this one goes on beside it: every column has a default, and what it does not know it leaves alone.

-- `blocked` is due and waits for somebody else: for room under its key, or for its batch.
alter table jobs drop constraint jobs_state_check;
alter table jobs add constraint jobs_state_check check (state in
    ('scheduled', 'blocked', 'queued', 'running', 'retrying', 'succeeded', 'dead', 'cancelled'));
alter table jobs
    add column concurrency_limit integer,                    -- jobs of one concurrency_key queued or running at once
    add column log text;                                     -- of the present run, readable while it runs

-- Who holds room under a key, and who waits for it.
create index jobs_keyed on jobs (concurrency_key, state, rank, id)
    where concurrency_key is not null and state in ('blocked', 'queued', 'running');
-- The end of a tenant's queue: the next job of a flood goes behind it, not in front of everybody else.
create index jobs_tenant on jobs (lane, tenant, rank) where tenant is not null and state in ('queued', 'blocked');
create index jobs_deadline on jobs (deadline_at)
    where deadline_at is not null and state in ('scheduled', 'blocked', 'queued', 'retrying');
create index jobs_batch on jobs (batch_id, state) where batch_id is not null;
create index jobs_fingerprint on jobs (fingerprint, id) where state in ('retrying', 'dead');
create index jobs_blocked on jobs (lane, id) where state = 'blocked'; -- for people: lists and counts

-- Jobs that belong together. When all are final, the callback runs, once.
create table batches (
    id          uuid primary key,
    name        text not null,
    callback_id uuid,                                        -- a job that is blocked until then
    created_by  uuid,
    created_at  timestamptz not null default now(),
    sealed_at   timestamptz,                                 -- nothing is added any more
    finished_at timestamptz,
    succeeded   integer,                                     -- counted when it finished
    dead        integer,
    cancelled   integer
);
create index batches_open on batches (sealed_at) where finished_at is null;

-- What a job did outside our database: begun, and done with the other side's words. Evidence, not a result: it is
-- written even by a worker that has lost its lease, so that nobody does it again.
create table job_effects (
    job_id    uuid not null references jobs (id) on delete cascade,
    name      text not null,                                 -- `smtp`, `stripe.refund` …
    fence     integer not null,                              -- of the run that did it
    worker_id text not null,
    begun_at  timestamptz not null default now(),
    done_at   timestamptz,
    reply     text,
    primary key (job_id, name)
);

-- Failures that are the same failure: same kind, same code, same message once numbers and names are taken out.
create table error_groups (
    fingerprint   text primary key,
    kind          text not null,
    code          text not null,
    message       text not null,                             -- normalised
    state         text not null default 'new' check (state in ('new', 'known', 'resolved', 'regressed', 'muted')),
    count         bigint not null,
    first_seen    timestamptz not null default now(),
    last_seen     timestamptz not null default now(),
    first_version text not null,
    last_version  text not null,
    last_job      uuid not null,
    resolved_at   timestamptz,
    muted_until   timestamptz,                               -- muted without it: until told
    changed_by    uuid,
    note          text
);
create index error_groups_seen on error_groups (last_seen);

-- What is wrong now, one row per rule and thing; told once when it begins.
create table alarms (
    rule       text not null check (rule in ('no_worker', 'oldest_age', 'failure_rate', 'dead_count', 'regression')),
    subject    text not null,                                -- a lane, a kind, a fingerprint, or `all`
    message    text not null,
    value      double precision,
    raised_at  timestamptz not null default now(),
    seen_at    timestamptz not null default now(),
    cleared_at timestamptz,
    primary key (rule, subject)
);

-- What happened in each minute, written by the workers with their heartbeats.
create table job_stats (
    minute    timestamptz not null,
    lane      text not null,
    kind      text not null,
    succeeded integer not null default 0,
    failed    integer not null default 0,                    -- runs that will be tried again
    dead      integer not null default 0,
    run_ms    bigint not null default 0,
    wait_ms   bigint not null default 0,
    primary key (minute, lane, kind)
);

-- One bucket for all processes: the time at which it will be full again (GCRA). Limited lanes are slow lanes, so the
-- row that must be locked anyway keeps it.
alter table lanes add column rate_at timestamptz;
alter table lanes add column changed_by uuid;
alter table job_kinds add column changed_by uuid;

alter table schedules
    add column missed       text not null default 'once' check (missed in ('once', 'skip', 'all')),
    add column overlap      text not null default 'skip' check (overlap in ('skip', 'allow')),
    add column last_job_id  uuid,
    add column skipped_at   timestamptz,                     -- the last tick that found the one before still at work
    add column changed_by   uuid;
