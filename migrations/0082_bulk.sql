-- Bulk operations in four steps: the jobs chosen as of a moment, what would become of them, how fast, and why.
create table bulk_operations (
    id          uuid primary key,
    action      text not null check (action in ('retry', 'run', 'cancel', 'discard', 'kill', 'priority', 'queue', 'edit')),
    params      jsonb not null default '{}',                 -- priority, queue, patch
    filter      text not null,                               -- as it was asked; the items are what counts
    state       text not null default 'draft' check (state in ('draft', 'running', 'paused', 'done', 'cancelled', 'undone')),
    turn        integer not null default 0,                  -- begun and resumed so often
    per_second  integer check (per_second > 0),              -- null: all at once
    not_before  timestamptz,
    reason      text,
    created_by  uuid,
    created_at  timestamptz not null default now(),
    started_by  uuid,
    started_at  timestamptz,
    finished_at timestamptz,
    undone_by   uuid,
    undone_at   timestamptz
);
create index bulk_operations_old on bulk_operations (created_at);

-- The frozen scope: jobs that arrive later are not in it.
create table bulk_items (
    operation_id uuid not null references bulk_operations (id) on delete cascade,
    job_id       uuid not null,                              -- no reference: a discarded job leaves its line
    kind         text not null,
    state        text not null,                              -- of the job when it was chosen
    outcome      text not null default 'pending' check (outcome in ('pending', 'refused', 'done', 'skipped', 'undone', 'kept')),
    why          text,
    fence        integer,                                    -- of the job afterwards: a higher one has started since
    was          jsonb,                                      -- what undoing restores
    at           timestamptz,
    primary key (operation_id, job_id)
);
create index bulk_items_pending on bulk_items (operation_id, job_id) where outcome = 'pending';
create index bulk_items_job on bulk_items (job_id) where outcome in ('done', 'undone');

-- Every change to a payload by hand: the first `before` is what was enqueued.
create table job_edits (
    job_id    uuid not null references jobs (id) on delete cascade,
    n         integer not null,
    before    jsonb not null,
    after     jsonb not null,
    edited_by uuid,
    edited_at timestamptz not null default now(),
    primary key (job_id, n)
);

insert into roles (code, label, permissions) values
    ('viewer', 'Observateur', '{jobs.read}'),
    ('operator', 'Opérateur', '{jobs.read,jobs.manage}')
on conflict (code) do nothing;
