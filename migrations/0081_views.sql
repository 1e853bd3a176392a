-- A filter with a name and its columns; without an owner everybody sees it.
create table saved_views (
    id         uuid primary key,
    owner_id   uuid references users (id) on delete cascade,
    name       text not null check (length(name) between 1 and 60),
    query      text not null check (length(query) <= 4000),
    created_by uuid,
    created_at timestamptz not null default now()
);
create unique index saved_views_name on saved_views (coalesce(owner_id, '00000000-0000-0000-0000-000000000000'), name);
