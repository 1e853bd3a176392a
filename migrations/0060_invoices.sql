-- Invoices and credit notes. What was issued never changes: not by us, not by an erasure, not by hand.

-- Numbers without a gap: the row is locked from the draw to the commit, and a rollback gives the number back.
create table invoice_series (
    code        text not null check (code ~ '^[A-Za-z0-9]{1,8}$'), -- F, A …
    year        integer not null,                            -- in Paris
    last_number integer not null check (last_number > 0),
    primary key (code, year)
);

create table invoices (
    id                uuid primary key,
    number            text unique check (number ~ '^[A-Za-z0-9+_/-]{1,35}$'), -- null: a draft
    kind              text not null check (kind in ('invoice', 'credit_note', 'corrective', 'deposit')),
    status            text not null default 'draft' check (status in ('draft', 'issued', 'paid', 'credited')),
    order_id          uuid references orders (id),
    payment_id        uuid references payments (id),
    customer_id       uuid references customers (id),
    credit_of_id      uuid references invoices (id),         -- a credit note's invoice
    refund_id         uuid unique references refunds (id),   -- a refund has one credit note
    stripe_refund_id  text unique,
    issue_date        date not null,                         -- in Paris
    due_date          date,
    currency          char(3) not null,
    total_net_cents   bigint not null,
    total_vat_cents   bigint not null,
    total_gross_cents bigint not null check (total_gross_cents = total_net_cents + total_vat_cents),
    paid_cents        bigint not null,                       -- when it was issued
    due_cents         bigint not null check (due_cents = total_gross_cents - paid_cents),
    vat_breakdown     jsonb not null,                        -- by category and rate
    document          jsonb not null,                        -- all it says, seller and buyer of its day included
    problems          jsonb not null default '[]',           -- what keeps a draft from being issued
    revision          integer not null default 1,            -- of its files
    pdf_status        text not null default 'pending' check (pdf_status in ('pending', 'ready', 'failed')),
    pdf_error         text,
    pdf_file_id       uuid references files (id),
    xml_file_id       uuid references files (id),
    png_file_id       uuid references files (id),
    rendered_with     text,                                  -- the renderer's version
    former_files      jsonb not null default '[]',           -- of earlier revisions
    sent_at           timestamptz,
    paid_at           timestamptz,
    issued_at         timestamptz,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    constraint invoices_numbered check ((status = 'draft') = (number is null)),
    constraint invoices_credits check ((kind = 'credit_note') = (credit_of_id is not null)),
    constraint invoices_files check (pdf_status <> 'ready' or (pdf_file_id is not null and xml_file_id is not null))
);
-- An order is invoiced once, and again when that invoice was taken back.
create unique index invoices_order on invoices (order_id) where kind = 'invoice' and status <> 'credited';
create index invoices_of_order on invoices (order_id) where order_id is not null;
create index invoices_customer on invoices (customer_id, id);
create index invoices_status on invoices (status, id);
create index invoices_issue_date on invoices (issue_date, id);
create index invoices_credit_of on invoices (credit_of_id) where credit_of_id is not null;
create index invoices_unrendered on invoices (pdf_status, id) where pdf_status <> 'ready';

-- The lines once more, for statistics and exports; the document says the same.
create table invoice_lines (
    id           uuid primary key,
    invoice_id   uuid not null references invoices (id) on delete cascade,
    position     integer not null,
    name         text not null,
    description  text not null default '',
    quantity     numeric(19, 4) not null,
    unit_code    text not null,                              -- UN/ECE recommendation 20
    unit_price   numeric(19, 6) not null,                    -- net, of the major unit
    net_cents    bigint not null,
    vat_rate     numeric(5, 2) not null,
    vat_category text not null check (vat_category in ('S', 'Z', 'E', 'AE', 'K', 'G', 'O')),
    unique (invoice_id, position)
);

-- What may change of an issued invoice: whether it is paid or credited, its files, when it was sent. Times may be moved
-- (a restored dump, a test); the date that counts in law is issue_date, which may not.
create function invoices_frozen() returns trigger language plpgsql as $$
declare
    movable constant text[] := array['status', 'revision', 'pdf_status', 'pdf_error', 'pdf_file_id', 'xml_file_id',
        'png_file_id', 'rendered_with', 'former_files', 'sent_at', 'paid_at', 'issued_at', 'created_at', 'updated_at'];
begin
    if tg_op = 'DELETE' then
        if old.status <> 'draft' then
            raise exception 'invoice % is issued and stays', old.number using errcode = 'restrict_violation';
        end if;
        return old;
    end if;
    if old.status = 'draft' then
        return new;
    end if;
    if to_jsonb(new) - movable is distinct from to_jsonb(old) - movable then
        raise exception 'invoice % is issued and does not change', old.number using errcode = 'restrict_violation';
    end if;
    if new.status <> old.status and not (old.status, new.status) in (('issued', 'paid'), ('issued', 'credited'), ('paid', 'credited'))
    then
        raise exception 'invoice % does not go from % to %', old.number, old.status, new.status
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger invoices_frozen before update or delete on invoices for each row execute function invoices_frozen();

create function invoice_lines_frozen() returns trigger language plpgsql as $$
declare
    touched constant uuid[] := case tg_op when 'INSERT' then array[new.invoice_id] when 'DELETE' then array[old.invoice_id]
                               else array[old.invoice_id, new.invoice_id] end;
begin
    if exists (select from invoices where id = any(touched) and status <> 'draft') then
        raise exception 'the lines of an issued invoice do not change' using errcode = 'restrict_violation';
    end if;
    return coalesce(new, old);
end $$;
create trigger invoice_lines_frozen before insert or update or delete on invoice_lines
    for each row execute function invoice_lines_frozen();

create function invoices_kept() returns trigger language plpgsql as $$
begin
    raise exception 'issued invoices stay' using errcode = 'restrict_violation';
end $$;
create trigger invoices_kept before truncate on invoices execute function invoices_kept();
create trigger invoice_lines_kept before truncate on invoice_lines execute function invoices_kept();
