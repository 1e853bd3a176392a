-- Figures for administrators, refreshed by a job; and settings that two people may edit at once.
create table stat_snapshots (
    topic  text not null,                                    -- monthly, revenue, users, orders, audit, jobs
    period date not null,                                    -- the first day of a month in Paris; 0001-01-01: as of now
    value  jsonb not null,
    as_of  timestamptz not null default now(),
    primary key (topic, period)
);

alter table settings add column version integer not null default 1;
