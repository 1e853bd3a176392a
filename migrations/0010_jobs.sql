-- The ledger: one row per job, the only truth about it. Redis carries ids and may be wiped at any time.
create table jobs (
    id                  uuid primary key,                    -- UUID v7: its order is the order of arrival
    kind                text not null,
    lane                text not null,
    state               text not null check (state in ('scheduled', 'queued', 'running', 'retrying', 'succeeded', 'dead', 'cancelled')),
    priority            smallint not null default 0,         -- lower runs sooner; one step weighs a minute of waiting
    rank                bigint not null,                     -- due time in ms plus priority: both ticket sources sort by it
    attempt             integer not null default 0,          -- runs that count against max_attempts
    max_attempts        integer not null check (max_attempts > 0),
    fence               integer not null default 0,          -- + 1 at every claim; a settlement must name it
    deaths              smallint not null default 0,         -- processes that died with this job in hand
    begun               boolean not null default false,      -- written before a suspect job starts, so its death is its own
    timeout_ms          integer not null check (timeout_ms > 0),
    payload             jsonb not null,
    key_argument        text,                                -- what an operator knows the job by, declared by the kind
    unique_key          text,
    subject_type        text,
    subject_id          uuid,
    owner_id            uuid,                                -- the person it is about; erasure finds it by this
    tenant              text,
    concurrency_key     text,
    parent_id           uuid,
    batch_id            uuid,
    traceparent         text,
    created_by          uuid,
    run_at              timestamptz not null default now(),
    deadline_at         timestamptz,
    lease_until         timestamptz,                         -- by this database's clock alone
    worker_id           text,
    cancel_requested_at timestamptz,
    progress            jsonb,
    result              jsonb,
    last_error          text,
    error_code          text,
    fingerprint         text,
    enqueued_version    text,
    ran_version         text,
    created_at          timestamptz not null default now(),
    started_at          timestamptz,
    finished_at         timestamptz
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);

-- Live states only, so that millions of finished rows cost the hot scans nothing.
create index jobs_queued on jobs (lane, rank, id) where state = 'queued';
create index jobs_due on jobs (run_at) where state in ('scheduled', 'retrying');
create index jobs_leased on jobs (lease_until) where state = 'running';
create index jobs_unfinished on jobs (kind, id) where state in ('scheduled', 'retrying', 'dead', 'cancelled');
create unique index jobs_unique_key on jobs (kind, unique_key) where unique_key is not null;
create index jobs_subject on jobs (subject_id) where subject_id is not null;
create index jobs_owner on jobs (owner_id) where owner_id is not null;
create index jobs_parent on jobs (parent_id) where parent_id is not null;

-- One row per run that did not simply succeed at the first try; that one is told by the job's own row.
create table job_attempts (
    job_id      uuid not null references jobs (id) on delete cascade,
    fence       integer not null,
    attempt     integer not null,
    worker_id   text,
    started_at  timestamptz not null,
    finished_at timestamptz not null default now(),
    outcome     text not null check (outcome in ('ok', 'error', 'timeout', 'panic', 'lost', 'snoozed', 'cancelled')),
    error       text,
    log         text,
    next_run_at timestamptz,
    primary key (job_id, fence)
);

-- What an administrator previewed is what gets retried: the ids, frozen.
create table job_selections (
    id         uuid primary key,
    action     text not null check (action in ('retry')),
    filter     jsonb not null,
    job_ids    uuid[] not null,
    created_by uuid,
    created_at timestamptz not null default now(),
    applied_at timestamptz
);

create table lanes (
    name         text primary key,
    paused_at    timestamptz,
    paused_until timestamptz,
    paused_by    uuid,
    pause_reason text,
    concurrency  integer,                                    -- over all processes; null = no limit
    rate         integer,
    rate_window  interval
);

create table job_kinds (
    kind       text primary key,
    fuse       text not null default 'closed' check (fuse in ('closed', 'hold', 'dead')),
    fuse_until timestamptz,
    reason     text
);

create table workers (
    id         text primary key,                             -- host, pid, random: fresh at every start
    host       text not null,
    pid        integer not null,
    version    text not null,
    lanes      text[] not null,
    slots      integer not null,
    running    integer not null default 0,
    rss_bytes  bigint,
    state      text not null check (state in ('running', 'draining', 'stopped', 'lost')),
    started_at timestamptz not null default now(),
    seen_at    timestamptz not null default now()
);

create table schedules (
    name        text primary key,
    cron        text not null,
    zone        text not null default 'Europe/Paris',
    kind        text not null,
    payload     jsonb not null,
    enabled     boolean not null default true,
    last_run_at timestamptz,
    next_run_at timestamptz
);
create index schedules_due on schedules (next_run_at) where enabled;
