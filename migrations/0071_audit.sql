-- The audit log cannot be changed unnoticed. Each row carries the digest of what was done, of who did it and of where
-- from; a chain of hashes (`audit_chain`) gives every committed row its place. `facteur audit verify` reads them again.

create index audit_log_actor on audit_log (actor_id, id) where actor_id is not null;
create index audit_log_action on audit_log (action, occurred_at);
create index audit_log_grave on audit_log (id) where severity in ('high', 'critical');

alter table audit_log
    drop column description,
    add column actor_role   text,                            -- at the time of the action
    -- What may betray a person is hashed with a salt; erased with it, it leaves nothing to guess from. One for address,
    -- agent and mail address, one for the reason that somebody gave, which stands in `details`.
    add column salt         bytea,
    add column salt_why     bytea,
    add column digest_what  bytea,
    add column digest_who   bytea,
    add column digest_where bytea,
    add column digest_why   bytea,
    add constraint audit_log_details check (jsonb_typeof(details) = 'object');

-- The fields as one text without ambiguity: each with its length in bytes, a dash for nothing.
create function audit_fields(variadic fields text[]) returns bytea language sql immutable as $$
    select convert_to(coalesce(string_agg(coalesce(octet_length(f) || ':' || f, '-'), '' order by n), ''), 'UTF8')
    from unnest(fields) with ordinality as x (f, n)
$$;

create function audit_digest(r audit_log) returns audit_log language plpgsql as $$
begin
    r.digest_what := sha256(audit_fields(r.id::text, (extract(epoch from r.occurred_at) * 1000000)::bigint::text, r.action,
        r.severity, r.target_type, r.target_id, (r.details - 'reason')::text, r.request_id::text, r.outcome));
    r.digest_who := sha256(audit_fields(r.id::text, r.actor_id::text, r.actor_role));
    r.digest_where := sha256(audit_fields(r.id::text, encode(r.salt, 'hex'), r.actor_email, r.ip_address::text, r.user_agent));
    r.digest_why := sha256(audit_fields(r.id::text, encode(r.salt_why, 'hex'), (r.details->'reason')::text));
    return r;
end $$;

-- Rows that have no place in the chain yet.
create table audit_pending (
    entry_id bigint primary key
);

-- The chain. A link outlives its row: what the retention took away stays provable.
create table audit_chain (
    seq       bigint primary key,                            -- 1, 2, 3 … without a gap
    entry_id  bigint not null unique,
    digest    bytea not null,                                -- SHA-256(entry_id ‖ digest_what ‖ digest_who ‖ digest_where ‖ digest_why)
    hash      bytea not null,                                -- SHA-256(hash of the link before ‖ seq ‖ entry_id ‖ digest)
    purged_by bigint                                         -- the AUDIT_PURGED entry that took the row away
);
create index audit_chain_purged on audit_chain (purged_by) where purged_by is not null;

-- Where the chain ends. Whoever adds links holds this row.
create table audit_head (
    one  boolean primary key default true check (one),
    seq  bigint not null,
    hash bytea not null
);
insert into audit_head (seq, hash) values (0, decode(repeat('00', 32), 'hex'));

-- What was there before the chain.
update audit_log set salt = uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    salt_why = uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
update audit_log l set digest_what = (d).digest_what, digest_who = (d).digest_who, digest_where = (d).digest_where,
    digest_why = (d).digest_why from (select id, audit_digest(a) as d from audit_log a) x where x.id = l.id;
insert into audit_pending select id from audit_log;
alter table audit_log
    alter column digest_what set not null,
    alter column digest_who set not null,
    alter column digest_where set not null,
    alter column digest_why set not null;

create function audit_log_written() returns trigger language plpgsql as $$
begin
    if new.actor_id is not null then
        select role, email into new.actor_role, new.actor_email from users where id = new.actor_id;
    end if;
    new.salt := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    new.salt_why := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    insert into audit_pending values (new.id);
    return audit_digest(new);
end $$;
create trigger audit_log_written before insert on audit_log for each row execute function audit_log_written();

-- Rows stay as they are, with two exceptions: what may betray a person may be erased, with its salt, and a row may go
-- when its link says which purge took it.
create function audit_log_kept() returns trigger language plpgsql as $$
declare
    traces constant text[] := array['actor_email', 'ip_address', 'user_agent', 'salt'];
    same_where boolean; same_why boolean;
begin
    if tg_op = 'DELETE' then
        if exists (select from audit_chain where entry_id = old.id and purged_by is not null) then
            return old;
        end if;
    elsif tg_op = 'UPDATE' then
        same_where := (new.actor_email, new.ip_address, new.user_agent, new.salt)
            is not distinct from (old.actor_email, old.ip_address, old.user_agent, old.salt);
        same_why := (new.details->'reason', new.salt_why) is not distinct from (old.details->'reason', old.salt_why);
        if to_jsonb(new) - traces - 'salt_why' - 'details' = to_jsonb(old) - traces - 'salt_why' - 'details'
            and new.details - 'reason' = old.details - 'reason'
            and (same_where or num_nonnulls(new.actor_email, new.ip_address, new.user_agent, new.salt) = 0)
            and (same_why or (new.salt_why is null and not new.details ? 'reason'))
        then
            return new;
        end if;
    end if;
    raise exception 'the audit log is append-only' using errcode = 'restrict_violation';
end $$;
create trigger audit_log_kept before update or delete on audit_log for each row execute function audit_log_kept();
create trigger audit_log_whole before truncate on audit_log execute function audit_log_kept();

create function audit_chain_kept() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if old.purged_by is null and to_jsonb(new) - 'purged_by' = to_jsonb(old) - 'purged_by'
            and exists (select from audit_log where id = new.purged_by and action = 'AUDIT_PURGED')
        then
            return new;
        end if;
    end if;
    raise exception 'the chain of the audit log is append-only' using errcode = 'restrict_violation';
end $$;
create trigger audit_chain_kept before update or delete on audit_chain for each row execute function audit_chain_kept();
create trigger audit_chain_whole before truncate on audit_chain execute function audit_chain_kept();

-- Who may read figures beside administrators.
update roles set permissions = array_append(permissions, 'stats.read') where code = 'moderator';
