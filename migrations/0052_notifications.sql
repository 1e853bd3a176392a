-- What is for all administrators is one row; a mark is what one of them made of it: read and, with `deleted_at`, out of
-- their sight. A notification of one person keeps both in its own row.
create table notification_marks (
    notification_id uuid not null references notifications (id) on delete cascade,
    user_id         uuid not null references users (id) on delete cascade,
    read_at         timestamptz not null default now(),
    deleted_at      timestamptz,
    primary key (notification_id, user_id)
);
create index notification_marks_user on notification_marks (user_id);
create index notification_marks_read on notification_marks (read_at);  -- for the purge

create index notifications_unread on notifications (user_id) where read_at is null and deleted_at is null;
create index notifications_admins on notifications (id) where user_id is null and deleted_at is null;
create index notifications_done on notifications ((coalesce(deleted_at, read_at))) where coalesce(deleted_at, read_at) is not null;
create index notifications_created on notifications (created_at);

-- Kinds of notification that do not come by mail.
alter table user_preferences add column mail_off text[] not null default '{}'
    check (mail_off <@ array['info', 'success', 'warning', 'error', 'message', 'order', 'payment', 'consultation', 'system']);
