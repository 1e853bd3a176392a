-- What migrations/ add up to. Written by ./dev schema, compared by ./dev test; change a migration, not this.

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;

COMMENT ON EXTENSION citext IS 'data type for case-insensitive character strings';

CREATE FUNCTION public.audit_chain_kept() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE TABLE public.audit_log (
    id bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT now() NOT NULL,
    actor_id uuid,
    actor_email text,
    action text NOT NULL,
    severity text NOT NULL,
    target_type text,
    target_id text,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    ip_address inet,
    user_agent text,
    request_id uuid,
    outcome text DEFAULT 'success'::text NOT NULL,
    actor_role text,
    salt bytea,
    salt_why bytea,
    digest_what bytea NOT NULL,
    digest_who bytea NOT NULL,
    digest_where bytea NOT NULL,
    digest_why bytea NOT NULL,
    CONSTRAINT audit_log_details CHECK ((jsonb_typeof(details) = 'object'::text)),
    CONSTRAINT audit_log_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'refused'::text, 'error'::text]))),
    CONSTRAINT audit_log_severity_check CHECK ((severity = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text, 'critical'::text])))
);

CREATE FUNCTION public.audit_digest(r public.audit_log) RETURNS public.audit_log
    LANGUAGE plpgsql
    AS $$
begin
    r.digest_what := sha256(audit_fields(r.id::text, (extract(epoch from r.occurred_at) * 1000000)::bigint::text, r.action,
        r.severity, r.target_type, r.target_id, (r.details - 'reason')::text, r.request_id::text, r.outcome));
    r.digest_who := sha256(audit_fields(r.id::text, r.actor_id::text, r.actor_role));
    r.digest_where := sha256(audit_fields(r.id::text, encode(r.salt, 'hex'), r.actor_email, r.ip_address::text, r.user_agent));
    r.digest_why := sha256(audit_fields(r.id::text, encode(r.salt_why, 'hex'), (r.details->'reason')::text));
    return r;
end $$;

CREATE FUNCTION public.audit_fields(VARIADIC fields text[]) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    AS $$
    select convert_to(coalesce(string_agg(coalesce(octet_length(f) || ':' || f, '-'), '' order by n), ''), 'UTF8')
    from unnest(fields) with ordinality as x (f, n)
$$;

CREATE FUNCTION public.audit_log_kept() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.audit_log_written() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if new.actor_id is not null then
        select role, email into new.actor_role, new.actor_email from users where id = new.actor_id;
    end if;
    new.salt := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    new.salt_why := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    insert into audit_pending values (new.id);
    return audit_digest(new);
end $$;

CREATE FUNCTION public.invoice_lines_frozen() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    touched constant uuid[] := case tg_op when 'INSERT' then array[new.invoice_id] when 'DELETE' then array[old.invoice_id]
                               else array[old.invoice_id, new.invoice_id] end;
begin
    if exists (select from invoices where id = any(touched) and status <> 'draft') then
        raise exception 'the lines of an issued invoice do not change' using errcode = 'restrict_violation';
    end if;
    return coalesce(new, old);
end $$;

CREATE FUNCTION public.invoices_frozen() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.invoices_kept() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'issued invoices stay' using errcode = 'restrict_violation';
end $$;

CREATE TABLE public.account_tokens (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    purpose text NOT NULL,
    token_hash bytea NOT NULL,
    email_id uuid,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    voided_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT account_tokens_purpose_check CHECK ((purpose = ANY (ARRAY['activation'::text, 'password_reset'::text, 'email_change'::text])))
);

CREATE TABLE public.alarms (
    rule text NOT NULL,
    subject text NOT NULL,
    message text NOT NULL,
    value double precision,
    raised_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    cleared_at timestamp with time zone,
    CONSTRAINT alarms_rule_check CHECK ((rule = ANY (ARRAY['no_worker'::text, 'oldest_age'::text, 'failure_rate'::text, 'dead_count'::text, 'regression'::text])))
);

CREATE TABLE public.audit_chain (
    seq bigint NOT NULL,
    entry_id bigint NOT NULL,
    digest bytea NOT NULL,
    hash bytea NOT NULL,
    purged_by bigint
);

CREATE TABLE public.audit_head (
    one boolean DEFAULT true NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_head_one_check CHECK (one)
);

ALTER TABLE public.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_pending (
    entry_id bigint NOT NULL
);

CREATE TABLE public.batches (
    id uuid NOT NULL,
    name text NOT NULL,
    callback_id uuid,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sealed_at timestamp with time zone,
    finished_at timestamp with time zone,
    succeeded integer,
    dead integer,
    cancelled integer
);

CREATE TABLE public.bulk_items (
    operation_id uuid NOT NULL,
    job_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    outcome text DEFAULT 'pending'::text NOT NULL,
    why text,
    fence integer,
    was jsonb,
    at timestamp with time zone,
    CONSTRAINT bulk_items_outcome_check CHECK ((outcome = ANY (ARRAY['pending'::text, 'refused'::text, 'done'::text, 'skipped'::text, 'undone'::text, 'kept'::text])))
);

CREATE TABLE public.bulk_operations (
    id uuid NOT NULL,
    action text NOT NULL,
    params jsonb DEFAULT '{}'::jsonb NOT NULL,
    filter text NOT NULL,
    state text DEFAULT 'draft'::text NOT NULL,
    turn integer DEFAULT 0 NOT NULL,
    per_second integer,
    not_before timestamp with time zone,
    reason text,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_by uuid,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    undone_by uuid,
    undone_at timestamp with time zone,
    may_reveal boolean DEFAULT false NOT NULL,
    by_hand boolean DEFAULT false NOT NULL,
    counted jsonb,
    CONSTRAINT bulk_operations_action_check CHECK ((action = ANY (ARRAY['retry'::text, 'run'::text, 'cancel'::text, 'discard'::text, 'kill'::text, 'priority'::text, 'queue'::text, 'edit'::text]))),
    CONSTRAINT bulk_operations_per_second_check CHECK ((per_second > 0)),
    CONSTRAINT bulk_operations_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'running'::text, 'paused'::text, 'done'::text, 'cancelled'::text, 'undone'::text])))
);

CREATE TABLE public.customers (
    id uuid NOT NULL,
    user_id uuid,
    email public.citext NOT NULL,
    locale text DEFAULT 'fr'::text NOT NULL,
    legal_name text NOT NULL,
    vat_number text,
    company_number text,
    address_line1 text DEFAULT ''::text NOT NULL,
    address_line2 text DEFAULT ''::text NOT NULL,
    postal_code text DEFAULT ''::text NOT NULL,
    city text DEFAULT ''::text NOT NULL,
    country_code text DEFAULT 'FR'::text NOT NULL,
    stripe_customer_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT customers_country_code_check CHECK ((country_code ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT customers_locale_check CHECK ((locale = ANY (ARRAY['fr'::text, 'en'::text])))
);

CREATE TABLE public.disputes (
    id text NOT NULL,
    payment_id uuid NOT NULL,
    amount_cents bigint NOT NULL,
    currency character(3) NOT NULL,
    status text NOT NULL,
    reason text,
    due_by timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.email_suppressions (
    address public.citext NOT NULL,
    reason text NOT NULL,
    evidence text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    added_by uuid,
    CONSTRAINT email_suppressions_reason_check CHECK ((reason = ANY (ARRAY['bounce'::text, 'complaint'::text, 'manual'::text])))
);

CREATE TABLE public.emails (
    id uuid NOT NULL,
    template text NOT NULL,
    locale text NOT NULL,
    mail_class text NOT NULL,
    to_address public.citext NOT NULL,
    to_name text,
    from_address text,
    reply_to text,
    subject text,
    vars jsonb DEFAULT '{}'::jsonb NOT NULL,
    attachments jsonb DEFAULT '[]'::jsonb NOT NULL,
    dedupe_key text NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    message_id text,
    smtp_reply text,
    deadline_at timestamp with time zone,
    user_id uuid,
    subject_type text,
    subject_id uuid,
    sent_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    message_bytes bigint,
    again_of uuid,
    CONSTRAINT emails_mail_class_check CHECK ((mail_class = ANY (ARRAY['security'::text, 'transactional'::text, 'notification'::text, 'broadcast'::text]))),
    CONSTRAINT emails_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'held'::text, 'sending'::text, 'sent'::text, 'bounced'::text, 'complained'::text, 'failed'::text, 'suppressed'::text, 'expired'::text, 'uncertain'::text])))
);

CREATE TABLE public.erasures (
    id uuid NOT NULL,
    user_id uuid,
    address public.citext,
    former_status text,
    requested_by uuid,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    run_at timestamp with time zone NOT NULL,
    due_by timestamp with time zone NOT NULL,
    steps text[] DEFAULT '{}'::text[] NOT NULL,
    cursor uuid,
    traces text[] DEFAULT '{}'::text[] NOT NULL,
    kept jsonb DEFAULT '[]'::jsonb NOT NULL,
    job_id uuid,
    cancelled_at timestamp with time zone,
    done_at timestamp with time zone
);

CREATE TABLE public.error_groups (
    fingerprint text NOT NULL,
    kind text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    state text DEFAULT 'new'::text NOT NULL,
    count bigint NOT NULL,
    first_seen timestamp with time zone DEFAULT now() NOT NULL,
    last_seen timestamp with time zone DEFAULT now() NOT NULL,
    first_version text NOT NULL,
    last_version text NOT NULL,
    last_job uuid NOT NULL,
    resolved_at timestamp with time zone,
    muted_until timestamp with time zone,
    changed_by uuid,
    note text,
    CONSTRAINT error_groups_state_check CHECK ((state = ANY (ARRAY['new'::text, 'known'::text, 'resolved'::text, 'regressed'::text, 'muted'::text])))
);

CREATE TABLE public.exports (
    id uuid NOT NULL,
    kind text NOT NULL,
    format text NOT NULL,
    filters jsonb DEFAULT '{}'::jsonb NOT NULL,
    columns text[] DEFAULT '{}'::text[] NOT NULL,
    excel boolean DEFAULT false NOT NULL,
    locale text NOT NULL,
    requested_by uuid NOT NULL,
    subject_user_id uuid,
    status text DEFAULT 'requested'::text NOT NULL,
    job_id uuid NOT NULL,
    run integer DEFAULT 0 NOT NULL,
    checkpoint jsonb,
    rows_done bigint DEFAULT 0 NOT NULL,
    rows_total bigint,
    snapshots integer DEFAULT 0 NOT NULL,
    error text,
    file_id uuid,
    size bigint,
    sha256 text,
    downloads integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    expires_at timestamp with time zone,
    CONSTRAINT exports_format_check CHECK ((format = ANY (ARRAY['csv'::text, 'json'::text, 'xlsx'::text, 'zip'::text]))),
    CONSTRAINT exports_kind_check CHECK ((kind = ANY (ARRAY['personal_data'::text, 'audit_log'::text, 'orders'::text, 'invoices'::text, 'users'::text, 'report'::text]))),
    CONSTRAINT exports_locale_check CHECK ((locale = ANY (ARRAY['fr'::text, 'en'::text]))),
    CONSTRAINT exports_status_check CHECK ((status = ANY (ARRAY['requested'::text, 'running'::text, 'ready'::text, 'failed'::text, 'expired'::text, 'cancelled'::text])))
);

CREATE TABLE public.files (
    id uuid NOT NULL,
    kind text NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    content_type text NOT NULL,
    name text NOT NULL,
    user_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    CONSTRAINT files_kind_check CHECK ((kind = ANY (ARRAY['invoice'::text, 'document'::text, 'export'::text, 'upload'::text]))),
    CONSTRAINT files_name_check CHECK ((name <> ''::text)),
    CONSTRAINT files_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT files_size_check CHECK ((size >= 0))
);

CREATE TABLE public.group_members (
    group_id uuid NOT NULL,
    user_id uuid NOT NULL,
    added_by uuid,
    added_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.groups (
    id uuid NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    color text DEFAULT ''::text NOT NULL,
    permissions text[] DEFAULT '{}'::text[] NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT groups_color_check CHECK ((color ~ '^(#[0-9a-f]{6})?$'::text))
);

CREATE TABLE public.idempotency_keys (
    scope text NOT NULL,
    key text NOT NULL,
    request bytea NOT NULL,
    status integer,
    body jsonb,
    location text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.invoice_lines (
    id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    quantity numeric(19,4) NOT NULL,
    unit_code text NOT NULL,
    unit_price numeric(19,6) NOT NULL,
    net_cents bigint NOT NULL,
    vat_rate numeric(5,2) NOT NULL,
    vat_category text NOT NULL,
    CONSTRAINT invoice_lines_vat_category_check CHECK ((vat_category = ANY (ARRAY['S'::text, 'Z'::text, 'E'::text, 'AE'::text, 'K'::text, 'G'::text, 'O'::text])))
);

CREATE TABLE public.invoice_series (
    code text NOT NULL,
    year integer NOT NULL,
    last_number integer NOT NULL,
    CONSTRAINT invoice_series_code_check CHECK ((code ~ '^[A-Za-z0-9]{1,8}$'::text)),
    CONSTRAINT invoice_series_last_number_check CHECK ((last_number > 0))
);

CREATE TABLE public.invoices (
    id uuid NOT NULL,
    number text,
    kind text NOT NULL,
    status text DEFAULT 'draft'::text NOT NULL,
    order_id uuid,
    payment_id uuid,
    customer_id uuid,
    credit_of_id uuid,
    refund_id uuid,
    stripe_refund_id text,
    issue_date date NOT NULL,
    due_date date,
    currency character(3) NOT NULL,
    total_net_cents bigint NOT NULL,
    total_vat_cents bigint NOT NULL,
    total_gross_cents bigint NOT NULL,
    paid_cents bigint NOT NULL,
    due_cents bigint NOT NULL,
    vat_breakdown jsonb NOT NULL,
    document jsonb NOT NULL,
    problems jsonb DEFAULT '[]'::jsonb NOT NULL,
    revision integer DEFAULT 1 NOT NULL,
    pdf_status text DEFAULT 'pending'::text NOT NULL,
    pdf_error text,
    pdf_file_id uuid,
    xml_file_id uuid,
    png_file_id uuid,
    rendered_with text,
    former_files jsonb DEFAULT '[]'::jsonb NOT NULL,
    sent_at timestamp with time zone,
    paid_at timestamp with time zone,
    issued_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT invoices_check CHECK ((total_gross_cents = (total_net_cents + total_vat_cents))),
    CONSTRAINT invoices_check1 CHECK ((due_cents = (total_gross_cents - paid_cents))),
    CONSTRAINT invoices_credits CHECK (((kind = 'credit_note'::text) = (credit_of_id IS NOT NULL))),
    CONSTRAINT invoices_files CHECK (((pdf_status <> 'ready'::text) OR ((pdf_file_id IS NOT NULL) AND (xml_file_id IS NOT NULL)))),
    CONSTRAINT invoices_kind_check CHECK ((kind = ANY (ARRAY['invoice'::text, 'credit_note'::text, 'corrective'::text, 'deposit'::text]))),
    CONSTRAINT invoices_number_check CHECK ((number ~ '^[A-Za-z0-9+_/-]{1,35}$'::text)),
    CONSTRAINT invoices_numbered CHECK (((status = 'draft'::text) = (number IS NULL))),
    CONSTRAINT invoices_pdf_status_check CHECK ((pdf_status = ANY (ARRAY['pending'::text, 'ready'::text, 'failed'::text]))),
    CONSTRAINT invoices_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'issued'::text, 'paid'::text, 'credited'::text])))
);

CREATE TABLE public.job_attempts (
    job_id uuid NOT NULL,
    fence integer NOT NULL,
    attempt integer NOT NULL,
    worker_id text,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone DEFAULT now() NOT NULL,
    outcome text NOT NULL,
    error text,
    log text,
    next_run_at timestamp with time zone,
    CONSTRAINT job_attempts_outcome_check CHECK ((outcome = ANY (ARRAY['ok'::text, 'error'::text, 'timeout'::text, 'panic'::text, 'lost'::text, 'snoozed'::text, 'cancelled'::text])))
);

CREATE TABLE public.job_edits (
    job_id uuid NOT NULL,
    n integer NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    edited_by uuid,
    edited_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.job_effects (
    job_id uuid NOT NULL,
    name text NOT NULL,
    fence integer NOT NULL,
    worker_id text NOT NULL,
    begun_at timestamp with time zone DEFAULT now() NOT NULL,
    done_at timestamp with time zone,
    reply text
);

CREATE TABLE public.job_kinds (
    kind text NOT NULL,
    fuse text DEFAULT 'closed'::text NOT NULL,
    fuse_until timestamp with time zone,
    reason text,
    changed_by uuid,
    CONSTRAINT job_kinds_fuse_check CHECK ((fuse = ANY (ARRAY['closed'::text, 'hold'::text, 'dead'::text])))
);

CREATE TABLE public.job_selections (
    id uuid NOT NULL,
    action text NOT NULL,
    filter jsonb NOT NULL,
    job_ids uuid[] NOT NULL,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    applied_at timestamp with time zone,
    CONSTRAINT job_selections_action_check CHECK ((action = 'retry'::text))
);

CREATE TABLE public.job_stats (
    minute timestamp with time zone NOT NULL,
    lane text NOT NULL,
    kind text NOT NULL,
    succeeded integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    dead integer DEFAULT 0 NOT NULL,
    run_ms bigint DEFAULT 0 NOT NULL,
    wait_ms bigint DEFAULT 0 NOT NULL
);

CREATE TABLE public.jobs (
    id uuid NOT NULL,
    kind text NOT NULL,
    lane text NOT NULL,
    state text NOT NULL,
    priority smallint DEFAULT 0 NOT NULL,
    rank bigint NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    max_attempts integer NOT NULL,
    fence integer DEFAULT 0 NOT NULL,
    deaths smallint DEFAULT 0 NOT NULL,
    begun boolean DEFAULT false NOT NULL,
    timeout_ms integer NOT NULL,
    payload jsonb NOT NULL,
    key_argument text,
    unique_key text,
    subject_type text,
    subject_id uuid,
    owner_id uuid,
    tenant text,
    concurrency_key text,
    parent_id uuid,
    batch_id uuid,
    traceparent text,
    created_by uuid,
    run_at timestamp with time zone DEFAULT now() NOT NULL,
    deadline_at timestamp with time zone,
    lease_until timestamp with time zone,
    worker_id text,
    cancel_requested_at timestamp with time zone,
    progress jsonb,
    result jsonb,
    last_error text,
    error_code text,
    fingerprint text,
    enqueued_version text,
    ran_version text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    concurrency_limit integer,
    log text,
    CONSTRAINT jobs_max_attempts_check CHECK ((max_attempts > 0)),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['scheduled'::text, 'blocked'::text, 'queued'::text, 'running'::text, 'retrying'::text, 'succeeded'::text, 'dead'::text, 'cancelled'::text]))),
    CONSTRAINT jobs_timeout_ms_check CHECK ((timeout_ms > 0))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.1');

CREATE TABLE public.lanes (
    name text NOT NULL,
    paused_at timestamp with time zone,
    paused_until timestamp with time zone,
    paused_by uuid,
    pause_reason text,
    concurrency integer,
    rate integer,
    rate_window interval,
    rate_at timestamp with time zone,
    changed_by uuid
);

CREATE TABLE public.notification_marks (
    notification_id uuid NOT NULL,
    user_id uuid NOT NULL,
    read_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone
);

CREATE TABLE public.notifications (
    id uuid NOT NULL,
    user_id uuid,
    audience text NOT NULL,
    type text NOT NULL,
    title text NOT NULL,
    message text NOT NULL,
    action_url text,
    priority text DEFAULT 'normal'::text NOT NULL,
    subject_type text,
    subject_id uuid,
    by_email boolean DEFAULT true NOT NULL,
    template text,
    vars jsonb DEFAULT '{}'::jsonb NOT NULL,
    dedupe_key text,
    read_at timestamp with time zone,
    deleted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT notifications_audience_check CHECK ((audience = ANY (ARRAY['user'::text, 'admin'::text]))),
    CONSTRAINT notifications_priority_check CHECK ((priority = ANY (ARRAY['low'::text, 'normal'::text, 'high'::text, 'urgent'::text]))),
    CONSTRAINT notifications_type_check CHECK ((type = ANY (ARRAY['info'::text, 'success'::text, 'warning'::text, 'error'::text, 'message'::text, 'order'::text, 'payment'::text, 'consultation'::text, 'system'::text])))
);

CREATE TABLE public.order_lines (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    product_id uuid NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    quantity numeric(12,3) NOT NULL,
    unit_price_cents bigint NOT NULL,
    vat_rate numeric(5,2) NOT NULL,
    vat_category text NOT NULL,
    reserved integer DEFAULT 0 NOT NULL,
    CONSTRAINT order_lines_quantity_check CHECK (((quantity > (0)::numeric) AND (quantity = trunc(quantity)))),
    CONSTRAINT order_lines_reserved_check CHECK ((reserved >= 0)),
    CONSTRAINT order_lines_vat_category_check CHECK ((vat_category = ANY (ARRAY['S'::text, 'Z'::text, 'E'::text, 'AE'::text, 'O'::text])))
);

CREATE SEQUENCE public.order_numbers
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.orders (
    id uuid NOT NULL,
    number text,
    customer_id uuid NOT NULL,
    title text DEFAULT ''::text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    status text NOT NULL,
    assignee_id uuid,
    priority text DEFAULT 'normal'::text NOT NULL,
    client_note text,
    worker_note text,
    due_at timestamp with time zone,
    delivered_at timestamp with time zone,
    currency character(3) NOT NULL,
    total_net_cents bigint NOT NULL,
    total_vat_cents bigint NOT NULL,
    total_gross_cents bigint NOT NULL,
    token_hash bytea,
    placed_at timestamp with time zone,
    paid_at timestamp with time zone,
    completed_at timestamp with time zone,
    expires_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    refunded_from text,
    summary_version integer,
    summary_file_id uuid,
    CONSTRAINT orders_check CHECK ((total_gross_cents = (total_net_cents + total_vat_cents))),
    CONSTRAINT orders_check1 CHECK (((status = 'cart'::text) OR ((number IS NOT NULL) AND (placed_at IS NOT NULL)))),
    CONSTRAINT orders_priority_check CHECK ((priority = ANY (ARRAY['low'::text, 'normal'::text, 'high'::text, 'urgent'::text]))),
    CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['cart'::text, 'pending'::text, 'paid'::text, 'in_progress'::text, 'delivered'::text, 'completed'::text, 'suspended'::text, 'cancelled'::text, 'expired'::text, 'refunded'::text]))),
    CONSTRAINT orders_total_net_cents_check CHECK ((total_net_cents >= 0)),
    CONSTRAINT orders_total_vat_cents_check CHECK ((total_vat_cents >= 0))
);

CREATE TABLE public.outgoing_calls (
    idempotency_key text NOT NULL,
    purpose text NOT NULL,
    subject text NOT NULL,
    generation integer NOT NULL,
    params_hash bytea NOT NULL,
    state text DEFAULT 'sent'::text NOT NULL,
    request_id text,
    provider_id text,
    error_code text,
    first_sent_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT outgoing_calls_state_check CHECK ((state = ANY (ARRAY['sent'::text, 'done'::text, 'refused'::text])))
);

CREATE TABLE public.payment_methods (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    stripe_payment_method_id text NOT NULL,
    type text NOT NULL,
    brand text,
    last4 text,
    exp_month integer,
    exp_year integer,
    is_default boolean DEFAULT false NOT NULL,
    synced_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.payments (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    amount_cents bigint NOT NULL,
    currency character(3) NOT NULL,
    outcome text DEFAULT 'pending'::text NOT NULL,
    refunded_cents bigint DEFAULT 0 NOT NULL,
    disputed boolean DEFAULT false NOT NULL,
    stripe_session_id text,
    stripe_payment_intent_id text,
    url text,
    method text,
    failure_code text,
    failures integer DEFAULT 0 NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    synced_at timestamp with time zone,
    succeeded_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    status text GENERATED ALWAYS AS (
CASE
    WHEN (outcome <> 'succeeded'::text) THEN outcome
    WHEN disputed THEN 'disputed'::text
    WHEN (refunded_cents >= amount_cents) THEN 'refunded'::text
    WHEN (refunded_cents > 0) THEN 'partially_refunded'::text
    ELSE 'succeeded'::text
END) STORED NOT NULL,
    CONSTRAINT payments_amount_cents_check CHECK ((amount_cents > 0)),
    CONSTRAINT payments_outcome_check CHECK ((outcome = ANY (ARRAY['pending'::text, 'processing'::text, 'succeeded'::text, 'failed'::text, 'expired'::text, 'cancelled'::text, 'review'::text]))),
    CONSTRAINT payments_refunded_cents_check CHECK ((refunded_cents >= 0))
);

CREATE TABLE public.permission_grants (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    permission text NOT NULL,
    granted_by uuid,
    expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.products (
    id uuid NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    unit_price_cents bigint NOT NULL,
    currency character(3) NOT NULL,
    vat_rate numeric(5,2) NOT NULL,
    vat_category text NOT NULL,
    category text,
    stock_quantity integer,
    is_active boolean DEFAULT true NOT NULL,
    "position" integer DEFAULT 0 NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    stripe_product_id text,
    stripe_price_id text,
    synced_version integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT products_slug_check CHECK ((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text)),
    CONSTRAINT products_stock_quantity_check CHECK ((stock_quantity >= 0)),
    CONSTRAINT products_unit_price_cents_check CHECK ((unit_price_cents > 0)),
    CONSTRAINT products_vat CHECK (((vat_category = 'S'::text) = (vat_rate > (0)::numeric))),
    CONSTRAINT products_vat_category_check CHECK ((vat_category = ANY (ARRAY['S'::text, 'Z'::text, 'E'::text, 'AE'::text, 'O'::text]))),
    CONSTRAINT products_vat_rate_check CHECK (((vat_rate >= (0)::numeric) AND (vat_rate <= (100)::numeric)))
);

CREATE TABLE public.refresh_tokens (
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    used_at timestamp with time zone
);

CREATE TABLE public.refunds (
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    amount_cents bigint NOT NULL,
    currency character(3) NOT NULL,
    status text NOT NULL,
    reason text,
    stripe_refund_id text,
    failure_code text,
    requested_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT refunds_amount_cents_check CHECK ((amount_cents > 0)),
    CONSTRAINT refunds_status_check CHECK ((status = ANY (ARRAY['requested'::text, 'pending'::text, 'succeeded'::text, 'failed'::text])))
);

CREATE SEQUENCE public.request_numbers
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.requests (
    id uuid NOT NULL,
    number text NOT NULL,
    kind text NOT NULL,
    submitter_id uuid,
    submitter_name text NOT NULL,
    submitter_email public.citext NOT NULL,
    submitter_phone text,
    title text NOT NULL,
    body text NOT NULL,
    category text,
    priority text DEFAULT 'normal'::text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    assignee_id uuid,
    conversation_id uuid,
    locale text DEFAULT 'fr'::text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    resolved_at timestamp with time zone,
    CONSTRAINT requests_kind_check CHECK ((kind = ANY (ARRAY['contact'::text, 'free_sample'::text, 'complaint'::text]))),
    CONSTRAINT requests_priority_check CHECK ((priority = ANY (ARRAY['low'::text, 'normal'::text, 'high'::text, 'urgent'::text]))),
    CONSTRAINT requests_status_check CHECK ((status = ANY (ARRAY['open'::text, 'in_progress'::text, 'resolved'::text, 'closed'::text])))
);

CREATE TABLE public.roles (
    code text NOT NULL,
    label text NOT NULL,
    permissions text[] DEFAULT '{}'::text[] NOT NULL,
    is_system boolean DEFAULT false NOT NULL
);

CREATE TABLE public.saved_views (
    id uuid NOT NULL,
    owner_id uuid,
    name text NOT NULL,
    query text NOT NULL,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT saved_views_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60))),
    CONSTRAINT saved_views_query_check CHECK ((length(query) <= 4000))
);

CREATE TABLE public.schedules (
    name text NOT NULL,
    cron text NOT NULL,
    zone text DEFAULT 'Europe/Paris'::text NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    last_run_at timestamp with time zone,
    next_run_at timestamp with time zone,
    missed text DEFAULT 'once'::text NOT NULL,
    overlap text DEFAULT 'skip'::text NOT NULL,
    last_job_id uuid,
    skipped_at timestamp with time zone,
    changed_by uuid,
    CONSTRAINT schedules_missed_check CHECK ((missed = ANY (ARRAY['once'::text, 'skip'::text, 'all'::text]))),
    CONSTRAINT schedules_overlap_check CHECK ((overlap = ANY (ARRAY['skip'::text, 'allow'::text])))
);

CREATE TABLE public.sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    cookie_hash bytea,
    ip_address inet,
    user_agent text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT sessions_kind_check CHECK ((kind = ANY (ARRAY['api'::text, 'dashboard'::text])))
);

CREATE TABLE public.settings (
    key text NOT NULL,
    value jsonb NOT NULL,
    is_public boolean DEFAULT false NOT NULL,
    updated_by uuid,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer DEFAULT 1 NOT NULL
);

CREATE TABLE public.stat_snapshots (
    topic text NOT NULL,
    period date NOT NULL,
    value jsonb NOT NULL,
    as_of timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.stripe_events (
    id uuid NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    livemode boolean,
    account text,
    api_version text,
    object_type text,
    object_id text,
    created_at timestamp with time zone NOT NULL,
    payload bytea,
    source text NOT NULL,
    deliveries integer DEFAULT 1 NOT NULL,
    status text DEFAULT 'received'::text NOT NULL,
    error_code text,
    replays integer DEFAULT 0 NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    processed_at timestamp with time zone,
    CONSTRAINT stripe_events_source_check CHECK ((source = ANY (ARRAY['webhook'::text, 'reconcile'::text, 'simulate'::text]))),
    CONSTRAINT stripe_events_status_check CHECK ((status = ANY (ARRAY['received'::text, 'processed'::text, 'ignored'::text, 'unmatched'::text, 'failed'::text, 'quarantined'::text])))
);

CREATE TABLE public.stripe_invoices (
    id text NOT NULL,
    stripe_customer_id text,
    subscription_id text,
    status text,
    total_cents bigint NOT NULL,
    paid_cents bigint NOT NULL,
    currency character(3) NOT NULL,
    period_end timestamp with time zone,
    synced_at timestamp with time zone NOT NULL
);

CREATE TABLE public.stripe_subscriptions (
    id text NOT NULL,
    stripe_customer_id text,
    status text NOT NULL,
    period_end timestamp with time zone,
    ends_with_period boolean DEFAULT false NOT NULL,
    synced_at timestamp with time zone NOT NULL
);

CREATE TABLE public.stripe_sweeps (
    name text NOT NULL,
    read_until timestamp with time zone NOT NULL
);

CREATE TABLE public.user_preferences (
    user_id uuid NOT NULL,
    locale text,
    email_notifications text DEFAULT 'all'::text NOT NULL,
    dark_mode boolean DEFAULT false NOT NULL,
    learning_goal_minutes integer DEFAULT 10 NOT NULL,
    mail_off text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT user_preferences_email_notifications_check CHECK ((email_notifications = ANY (ARRAY['all'::text, 'important'::text, 'digest'::text, 'none'::text]))),
    CONSTRAINT user_preferences_mail_off_check CHECK ((mail_off <@ ARRAY['info'::text, 'success'::text, 'warning'::text, 'error'::text, 'message'::text, 'order'::text, 'payment'::text, 'consultation'::text, 'system'::text]))
);

CREATE TABLE public.users (
    id uuid NOT NULL,
    email public.citext,
    username public.citext,
    password_hash text,
    first_name text DEFAULT ''::text NOT NULL,
    last_name text DEFAULT ''::text NOT NULL,
    role text NOT NULL,
    status text NOT NULL,
    locale text DEFAULT 'fr'::text NOT NULL,
    phone text,
    avatar_file_id uuid,
    employee_number text,
    department text,
    job_title text,
    totp_secret_enc bytea,
    failed_logins integer DEFAULT 0 NOT NULL,
    last_failure_at timestamp with time zone,
    locked_until timestamp with time zone,
    last_seen_at timestamp with time zone,
    activated_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_locale_check CHECK ((locale = ANY (ARRAY['fr'::text, 'en'::text]))),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['pending_activation'::text, 'active'::text, 'suspended'::text, 'deletion_pending'::text, 'anonymised'::text])))
);

CREATE TABLE public.workers (
    id text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    lanes text[] NOT NULL,
    slots integer NOT NULL,
    running integer DEFAULT 0 NOT NULL,
    rss_bytes bigint,
    state text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    stop_requested_at timestamp with time zone,
    CONSTRAINT workers_state_check CHECK ((state = ANY (ARRAY['running'::text, 'draining'::text, 'stopped'::text, 'lost'::text])))
);

ALTER TABLE ONLY public.account_tokens
    ADD CONSTRAINT account_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.account_tokens
    ADD CONSTRAINT account_tokens_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT alarms_pkey PRIMARY KEY (rule, subject);

ALTER TABLE ONLY public.audit_chain
    ADD CONSTRAINT audit_chain_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY public.audit_chain
    ADD CONSTRAINT audit_chain_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY public.audit_head
    ADD CONSTRAINT audit_head_pkey PRIMARY KEY (one);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_pending
    ADD CONSTRAINT audit_pending_pkey PRIMARY KEY (entry_id);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.bulk_items
    ADD CONSTRAINT bulk_items_pkey PRIMARY KEY (operation_id, job_id);

ALTER TABLE ONLY public.bulk_operations
    ADD CONSTRAINT bulk_operations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_stripe_customer_id_key UNIQUE (stripe_customer_id);

ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_user_id_key UNIQUE (user_id);

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.email_suppressions
    ADD CONSTRAINT email_suppressions_pkey PRIMARY KEY (address);

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_dedupe_key_key UNIQUE (dedupe_key);

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.error_groups
    ADD CONSTRAINT error_groups_pkey PRIMARY KEY (fingerprint);

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.files
    ADD CONSTRAINT files_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.group_members
    ADD CONSTRAINT group_members_pkey PRIMARY KEY (group_id, user_id);

ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_name_key UNIQUE (name);

ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, key);

ALTER TABLE ONLY public.invoice_lines
    ADD CONSTRAINT invoice_lines_invoice_id_position_key UNIQUE (invoice_id, "position");

ALTER TABLE ONLY public.invoice_lines
    ADD CONSTRAINT invoice_lines_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.invoice_series
    ADD CONSTRAINT invoice_series_pkey PRIMARY KEY (code, year);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_number_key UNIQUE (number);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_refund_id_key UNIQUE (refund_id);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_stripe_refund_id_key UNIQUE (stripe_refund_id);

ALTER TABLE ONLY public.job_attempts
    ADD CONSTRAINT job_attempts_pkey PRIMARY KEY (job_id, fence);

ALTER TABLE ONLY public.job_edits
    ADD CONSTRAINT job_edits_pkey PRIMARY KEY (job_id, n);

ALTER TABLE ONLY public.job_effects
    ADD CONSTRAINT job_effects_pkey PRIMARY KEY (job_id, name);

ALTER TABLE ONLY public.job_kinds
    ADD CONSTRAINT job_kinds_pkey PRIMARY KEY (kind);

ALTER TABLE ONLY public.job_selections
    ADD CONSTRAINT job_selections_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.job_stats
    ADD CONSTRAINT job_stats_pkey PRIMARY KEY (minute, lane, kind);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.lanes
    ADD CONSTRAINT lanes_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.notification_marks
    ADD CONSTRAINT notification_marks_pkey PRIMARY KEY (notification_id, user_id);

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_dedupe_key_key UNIQUE (dedupe_key);

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_order_id_position_key UNIQUE (order_id, "position");

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_order_id_product_id_key UNIQUE (order_id, product_id);

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_number_key UNIQUE (number);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outgoing_calls
    ADD CONSTRAINT outgoing_calls_pkey PRIMARY KEY (idempotency_key);

ALTER TABLE ONLY public.outgoing_calls
    ADD CONSTRAINT outgoing_calls_purpose_subject_generation_key UNIQUE (purpose, subject, generation);

ALTER TABLE ONLY public.payment_methods
    ADD CONSTRAINT payment_methods_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payment_methods
    ADD CONSTRAINT payment_methods_stripe_payment_method_id_key UNIQUE (stripe_payment_method_id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_stripe_payment_intent_id_key UNIQUE (stripe_payment_intent_id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_stripe_session_id_key UNIQUE (stripe_session_id);

ALTER TABLE ONLY public.permission_grants
    ADD CONSTRAINT permission_grants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.permission_grants
    ADD CONSTRAINT permission_grants_user_id_permission_key UNIQUE (user_id, permission);

ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_stripe_refund_id_key UNIQUE (stripe_refund_id);

ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_number_key UNIQUE (number);

ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.saved_views
    ADD CONSTRAINT saved_views_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_cookie_hash_key UNIQUE (cookie_hash);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.stat_snapshots
    ADD CONSTRAINT stat_snapshots_pkey PRIMARY KEY (topic, period);

ALTER TABLE ONLY public.stripe_events
    ADD CONSTRAINT stripe_events_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY public.stripe_events
    ADD CONSTRAINT stripe_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.stripe_invoices
    ADD CONSTRAINT stripe_invoices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.stripe_subscriptions
    ADD CONSTRAINT stripe_subscriptions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.stripe_sweeps
    ADD CONSTRAINT stripe_sweeps_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.user_preferences
    ADD CONSTRAINT user_preferences_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_employee_number_key UNIQUE (employee_number);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_username_key UNIQUE (username);

ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

CREATE INDEX account_tokens_expiry ON public.account_tokens USING btree (expires_at);

CREATE INDEX account_tokens_user ON public.account_tokens USING btree (user_id, purpose);

CREATE INDEX audit_chain_purged ON public.audit_chain USING btree (purged_by) WHERE (purged_by IS NOT NULL);

CREATE INDEX audit_log_action ON public.audit_log USING btree (action, occurred_at);

CREATE INDEX audit_log_actor ON public.audit_log USING btree (actor_id, id) WHERE (actor_id IS NOT NULL);

CREATE INDEX audit_log_grave ON public.audit_log USING btree (id) WHERE (severity = ANY (ARRAY['high'::text, 'critical'::text]));

CREATE INDEX audit_log_target ON public.audit_log USING btree (target_type, target_id);

CREATE INDEX audit_log_time ON public.audit_log USING btree (occurred_at);

CREATE INDEX batches_open ON public.batches USING btree (sealed_at) WHERE (finished_at IS NULL);

CREATE INDEX bulk_items_job ON public.bulk_items USING btree (job_id) WHERE (outcome = ANY (ARRAY['done'::text, 'undone'::text]));

CREATE INDEX bulk_items_pending ON public.bulk_items USING btree (operation_id, job_id) WHERE (outcome = 'pending'::text);

CREATE INDEX bulk_operations_old ON public.bulk_operations USING btree (created_at);

CREATE INDEX customers_email ON public.customers USING btree (email);

CREATE INDEX disputes_payment ON public.disputes USING btree (payment_id);

CREATE INDEX emails_again ON public.emails USING btree (again_of) WHERE (again_of IS NOT NULL);

CREATE INDEX emails_created ON public.emails USING btree (created_at);

CREATE INDEX emails_status ON public.emails USING btree (status, id) WHERE (status <> 'sent'::text);

CREATE INDEX emails_subject ON public.emails USING btree (subject_id) WHERE (subject_id IS NOT NULL);

CREATE INDEX emails_to ON public.emails USING btree (to_address, id);

CREATE INDEX emails_user ON public.emails USING btree (user_id) WHERE (user_id IS NOT NULL);

CREATE INDEX erasures_done ON public.erasures USING btree (done_at) WHERE (done_at IS NOT NULL);

CREATE UNIQUE INDEX erasures_of_address ON public.erasures USING btree (address) WHERE ((done_at IS NULL) AND (cancelled_at IS NULL));

CREATE UNIQUE INDEX erasures_of_user ON public.erasures USING btree (user_id) WHERE ((done_at IS NULL) AND (cancelled_at IS NULL));

CREATE INDEX erasures_open ON public.erasures USING btree (due_by) WHERE ((done_at IS NULL) AND (cancelled_at IS NULL));

CREATE INDEX error_groups_seen ON public.error_groups USING btree (last_seen);

CREATE INDEX exports_expiry ON public.exports USING btree (expires_at) WHERE (status = 'ready'::text);

CREATE UNIQUE INDEX exports_open ON public.exports USING btree (requested_by, kind) WHERE (status = ANY (ARRAY['requested'::text, 'running'::text]));

CREATE INDEX exports_requester ON public.exports USING btree (requested_by, id);

CREATE INDEX exports_subject ON public.exports USING btree (subject_user_id) WHERE (subject_user_id IS NOT NULL);

CREATE INDEX files_expires ON public.files USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX files_sha256 ON public.files USING btree (sha256);

CREATE INDEX files_user ON public.files USING btree (user_id) WHERE (user_id IS NOT NULL);

CREATE INDEX group_members_user ON public.group_members USING btree (user_id);

CREATE INDEX idempotency_keys_age ON public.idempotency_keys USING btree (created_at);

CREATE INDEX idempotency_keys_scope ON public.idempotency_keys USING btree (scope) WHERE (scope <> 'anonymous'::text);

CREATE INDEX invoices_credit_of ON public.invoices USING btree (credit_of_id) WHERE (credit_of_id IS NOT NULL);

CREATE INDEX invoices_customer ON public.invoices USING btree (customer_id, id);

CREATE INDEX invoices_issue_date ON public.invoices USING btree (issue_date, id);

CREATE INDEX invoices_of_order ON public.invoices USING btree (order_id) WHERE (order_id IS NOT NULL);

CREATE UNIQUE INDEX invoices_order ON public.invoices USING btree (order_id) WHERE ((kind = 'invoice'::text) AND (status <> 'credited'::text));

CREATE INDEX invoices_status ON public.invoices USING btree (status, id);

CREATE INDEX invoices_unrendered ON public.invoices USING btree (pdf_status, id) WHERE (pdf_status <> 'ready'::text);

CREATE INDEX jobs_batch ON public.jobs USING btree (batch_id, state) WHERE (batch_id IS NOT NULL);

CREATE INDEX jobs_blocked ON public.jobs USING btree (lane, id) WHERE (state = 'blocked'::text);

CREATE INDEX jobs_cancelled ON public.jobs USING btree (id) WHERE (state = 'cancelled'::text);

CREATE INDEX jobs_deadline ON public.jobs USING btree (deadline_at) WHERE ((deadline_at IS NOT NULL) AND (state = ANY (ARRAY['scheduled'::text, 'blocked'::text, 'queued'::text, 'retrying'::text])));

CREATE INDEX jobs_due ON public.jobs USING btree (run_at) WHERE (state = ANY (ARRAY['scheduled'::text, 'retrying'::text]));

CREATE INDEX jobs_erred ON public.jobs USING btree (id) WHERE (last_error IS NOT NULL);

CREATE INDEX jobs_failed ON public.jobs USING btree (id) WHERE (state = ANY (ARRAY['retrying'::text, 'dead'::text]));

CREATE INDEX jobs_fingerprint ON public.jobs USING btree (fingerprint, id) WHERE (state = ANY (ARRAY['retrying'::text, 'dead'::text]));

CREATE INDEX jobs_keyed ON public.jobs USING btree (concurrency_key, state, rank, id) WHERE ((concurrency_key IS NOT NULL) AND (state = ANY (ARRAY['blocked'::text, 'queued'::text, 'running'::text])));

CREATE INDEX jobs_known_by ON public.jobs USING btree (lower(key_argument) text_pattern_ops) WHERE (state = ANY (ARRAY['succeeded'::text, 'retrying'::text, 'dead'::text, 'cancelled'::text]));

CREATE INDEX jobs_leased ON public.jobs USING btree (lease_until) WHERE (state = 'running'::text);

CREATE INDEX jobs_of_lane ON public.jobs USING btree (lane, state, id) WHERE (state = ANY (ARRAY['scheduled'::text, 'retrying'::text, 'dead'::text]));

CREATE INDEX jobs_of_tenant ON public.jobs USING btree (tenant, id) WHERE ((tenant IS NOT NULL) AND (state = ANY (ARRAY['succeeded'::text, 'retrying'::text, 'dead'::text, 'cancelled'::text])));

CREATE INDEX jobs_owner ON public.jobs USING btree (owner_id) WHERE (owner_id IS NOT NULL);

CREATE INDEX jobs_parent ON public.jobs USING btree (parent_id) WHERE (parent_id IS NOT NULL);

CREATE INDEX jobs_payload ON public.jobs USING gin (payload jsonb_path_ops) WHERE (state = ANY (ARRAY['succeeded'::text, 'retrying'::text, 'dead'::text, 'cancelled'::text]));

CREATE INDEX jobs_queued ON public.jobs USING btree (lane, rank, id) WHERE (state = 'queued'::text);

CREATE INDEX jobs_subject ON public.jobs USING btree (subject_id) WHERE (subject_id IS NOT NULL);

CREATE INDEX jobs_succeeded ON public.jobs USING btree (kind, id) WHERE (state = 'succeeded'::text);

CREATE INDEX jobs_tenant ON public.jobs USING btree (lane, tenant, rank) WHERE ((tenant IS NOT NULL) AND (state = ANY (ARRAY['queued'::text, 'blocked'::text])));

CREATE INDEX jobs_tried_again ON public.jobs USING btree (attempt, id) WHERE (attempt > 1);

CREATE INDEX jobs_unfinished ON public.jobs USING btree (kind, id) WHERE (state = ANY (ARRAY['scheduled'::text, 'retrying'::text, 'dead'::text, 'cancelled'::text]));

CREATE UNIQUE INDEX jobs_unique_key ON public.jobs USING btree (kind, unique_key) WHERE (unique_key IS NOT NULL);

CREATE INDEX notification_marks_read ON public.notification_marks USING btree (read_at);

CREATE INDEX notification_marks_user ON public.notification_marks USING btree (user_id);

CREATE INDEX notifications_admins ON public.notifications USING btree (id) WHERE ((user_id IS NULL) AND (deleted_at IS NULL));

CREATE INDEX notifications_created ON public.notifications USING btree (created_at);

CREATE INDEX notifications_done ON public.notifications USING btree (COALESCE(deleted_at, read_at)) WHERE (COALESCE(deleted_at, read_at) IS NOT NULL);

CREATE INDEX notifications_unread ON public.notifications USING btree (user_id) WHERE ((read_at IS NULL) AND (deleted_at IS NULL));

CREATE INDEX notifications_user ON public.notifications USING btree (user_id, id) WHERE (deleted_at IS NULL);

CREATE INDEX order_lines_product ON public.order_lines USING btree (product_id);

CREATE INDEX orders_assignee ON public.orders USING btree (assignee_id, id) WHERE (assignee_id IS NOT NULL);

CREATE INDEX orders_customer ON public.orders USING btree (customer_id, id);

CREATE INDEX orders_status ON public.orders USING btree (status, id);

CREATE INDEX outgoing_calls_age ON public.outgoing_calls USING btree (first_sent_at);

CREATE INDEX payment_methods_customer ON public.payment_methods USING btree (customer_id, id);

CREATE UNIQUE INDEX payment_methods_default ON public.payment_methods USING btree (customer_id) WHERE is_default;

CREATE UNIQUE INDEX payments_open ON public.payments USING btree (order_id) WHERE ((outcome = 'pending'::text) OR ((outcome = 'failed'::text) AND (url IS NOT NULL)));

CREATE INDEX payments_order ON public.payments USING btree (order_id, id);

CREATE INDEX payments_unsettled ON public.payments USING btree (created_at) WHERE (outcome = ANY (ARRAY['pending'::text, 'processing'::text, 'failed'::text]));

CREATE INDEX products_catalogue ON public.products USING btree ("position", id) WHERE is_active;

CREATE INDEX refresh_tokens_session ON public.refresh_tokens USING btree (session_id);

CREATE INDEX refunds_payment ON public.refunds USING btree (payment_id, id);

CREATE INDEX refunds_unsettled ON public.refunds USING btree (created_at) WHERE (status = ANY (ARRAY['requested'::text, 'pending'::text]));

CREATE INDEX requests_email ON public.requests USING btree (submitter_email);

CREATE INDEX requests_list ON public.requests USING btree (status, kind, id);

CREATE INDEX requests_submitter ON public.requests USING btree (submitter_id) WHERE (submitter_id IS NOT NULL);

CREATE UNIQUE INDEX saved_views_name ON public.saved_views USING btree (COALESCE(owner_id, '00000000-0000-0000-0000-000000000000'::uuid), name);

CREATE INDEX schedules_due ON public.schedules USING btree (next_run_at) WHERE enabled;

CREATE INDEX sessions_expiry ON public.sessions USING btree (expires_at);

CREATE INDEX sessions_user ON public.sessions USING btree (user_id) WHERE (revoked_at IS NULL);

CREATE INDEX stripe_events_object ON public.stripe_events USING btree (object_id) WHERE (object_id IS NOT NULL);

CREATE INDEX stripe_events_open ON public.stripe_events USING btree (status, received_at) WHERE (status <> ALL (ARRAY['processed'::text, 'ignored'::text]));

CREATE INDEX stripe_events_payload ON public.stripe_events USING btree (received_at) WHERE (payload IS NOT NULL);

CREATE INDEX stripe_events_type ON public.stripe_events USING btree (type, received_at);

CREATE INDEX users_pending ON public.users USING btree (created_at) WHERE (status = 'pending_activation'::text);

CREATE INDEX users_role ON public.users USING btree (role);

CREATE TRIGGER audit_chain_kept BEFORE DELETE OR UPDATE ON public.audit_chain FOR EACH ROW EXECUTE FUNCTION public.audit_chain_kept();

CREATE TRIGGER audit_chain_whole BEFORE TRUNCATE ON public.audit_chain FOR EACH STATEMENT EXECUTE FUNCTION public.audit_chain_kept();

CREATE TRIGGER audit_log_kept BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.audit_log_kept();

CREATE TRIGGER audit_log_whole BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.audit_log_kept();

CREATE TRIGGER audit_log_written BEFORE INSERT ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.audit_log_written();

CREATE TRIGGER invoice_lines_frozen BEFORE INSERT OR DELETE OR UPDATE ON public.invoice_lines FOR EACH ROW EXECUTE FUNCTION public.invoice_lines_frozen();

CREATE TRIGGER invoice_lines_kept BEFORE TRUNCATE ON public.invoice_lines FOR EACH STATEMENT EXECUTE FUNCTION public.invoices_kept();

CREATE TRIGGER invoices_frozen BEFORE DELETE OR UPDATE ON public.invoices FOR EACH ROW EXECUTE FUNCTION public.invoices_frozen();

CREATE TRIGGER invoices_kept BEFORE TRUNCATE ON public.invoices FOR EACH STATEMENT EXECUTE FUNCTION public.invoices_kept();

ALTER TABLE ONLY public.account_tokens
    ADD CONSTRAINT account_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.bulk_items
    ADD CONSTRAINT bulk_items_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES public.bulk_operations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.erasures
    ADD CONSTRAINT erasures_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.files(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_subject_user_id_fkey FOREIGN KEY (subject_user_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.group_members
    ADD CONSTRAINT group_members_added_by_fkey FOREIGN KEY (added_by) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.group_members
    ADD CONSTRAINT group_members_group_id_fkey FOREIGN KEY (group_id) REFERENCES public.groups(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.group_members
    ADD CONSTRAINT group_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.invoice_lines
    ADD CONSTRAINT invoice_lines_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES public.invoices(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_credit_of_id_fkey FOREIGN KEY (credit_of_id) REFERENCES public.invoices(id);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_pdf_file_id_fkey FOREIGN KEY (pdf_file_id) REFERENCES public.files(id);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_png_file_id_fkey FOREIGN KEY (png_file_id) REFERENCES public.files(id);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES public.refunds(id);

ALTER TABLE ONLY public.invoices
    ADD CONSTRAINT invoices_xml_file_id_fkey FOREIGN KEY (xml_file_id) REFERENCES public.files(id);

ALTER TABLE ONLY public.job_attempts
    ADD CONSTRAINT job_attempts_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.job_edits
    ADD CONSTRAINT job_edits_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.job_effects
    ADD CONSTRAINT job_effects_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notification_marks
    ADD CONSTRAINT notification_marks_notification_id_fkey FOREIGN KEY (notification_id) REFERENCES public.notifications(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notification_marks
    ADD CONSTRAINT notification_marks_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.order_lines
    ADD CONSTRAINT order_lines_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.products(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_summary_file_id_fkey FOREIGN KEY (summary_file_id) REFERENCES public.files(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.payment_methods
    ADD CONSTRAINT payment_methods_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.permission_grants
    ADD CONSTRAINT permission_grants_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.permission_grants
    ADD CONSTRAINT permission_grants_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_submitter_id_fkey FOREIGN KEY (submitter_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.saved_views
    ADD CONSTRAINT saved_views_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_preferences
    ADD CONSTRAINT user_preferences_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_role_fkey FOREIGN KEY (role) REFERENCES public.roles(code);

