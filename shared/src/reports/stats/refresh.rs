//! Counting: one statement per topic, in one transaction, so that all figures are of one moment.

use sqlx::PgConnection;

use crate::kernel::Result;

/// Counts everything anew. Within a transaction. Returns how many snapshots there are.
pub async fn refresh(db: &mut PgConnection) -> Result<u64> {
    let rows = revenue(db).await? + monthly(db).await? + now(db).await?;
    sqlx::query!("delete from stat_snapshots where as_of < now()").execute(db).await?;
    Ok(rows)
}

/// Invoices minus credit notes by the day they were issued. The last thirty-six months at most.
async fn revenue(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        r#"
        with issued as (
            select date_trunc('month', issue_date)::date as month, currency, case kind when 'credit_note' then -1 else 1 end as sign,
                   total_net_cents as net, total_vat_cents as vat, total_gross_cents as gross
            from invoices where status <> 'draft'
        ), months as (
            select m::date as month from generate_series(
                (select greatest(min(month), date_trunc('month', now() at time zone 'Europe/Paris')::date - interval '35 months')
                 from issued),
                date_trunc('month', now() at time zone 'Europe/Paris'), interval '1 month') m
        ), sums as (
            select m.month, c.currency, coalesce(sum(sign * net), 0) as net, coalesce(sum(sign * vat), 0) as vat,
                   coalesce(sum(sign * gross), 0) as gross
            from months m cross join (select distinct currency from issued) c
            left join issued i on i.month = m.month and i.currency = c.currency
            group by m.month, c.currency
        )
        insert into stat_snapshots (topic, period, value)
        select 'revenue', month, jsonb_agg(jsonb_build_object('name', f.name, 'currency', currency, 'value', f.value)
                                           order by currency, f.name)
        from sums, lateral (values ('gross', gross), ('net', net), ('vat', vat)) f (name, value) group by month
        on conflict (topic, period) do update set value = excluded.value, as_of = excluded.as_of
        "#
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// Orders placed, documents issued, accounts activated. The last thirty-six months at most.
async fn monthly(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        r#"
        with happened as (
            select 'orders' as name, date_trunc('month', placed_at at time zone 'Europe/Paris')::date as month
            from orders where status <> 'cart'
            union all
            select case kind when 'credit_note' then 'credit_notes' else 'invoices' end, date_trunc('month', issue_date)::date
            from invoices where status <> 'draft'
            union all
            select 'activations', date_trunc('month', activated_at at time zone 'Europe/Paris')::date
            from users where activated_at is not null
        ), months as (
            select m::date as month from generate_series(
                (select greatest(min(month), date_trunc('month', now() at time zone 'Europe/Paris')::date - interval '35 months')
                 from happened),
                date_trunc('month', now() at time zone 'Europe/Paris'), interval '1 month') m
        ), counts as (
            select m.month, n.name, count(h.name) as value
            from months m cross join unnest(array['activations', 'credit_notes', 'invoices', 'orders']) as n (name)
            left join happened h on h.month = m.month and h.name = n.name
            group by m.month, n.name
        )
        insert into stat_snapshots (topic, period, value)
        select 'monthly', month, jsonb_agg(jsonb_build_object('name', name, 'value', value) order by name)
        from counts group by month
        on conflict (topic, period) do update set value = excluded.value, as_of = excluded.as_of
        "#
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// What is so now.
async fn now(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        r#"
        with counts as (
            select 'users' as topic, 'status:' || status as name, count(*) as value from users group by status
            union all select 'users', 'role:' || role, count(*) from users group by role
            union all select 'users', 'all', count(*) from users
            union all select 'orders', 'status:' || status, count(*) from orders where status <> 'cart' group by status
            union all select 'orders', 'all', count(*) from orders where status <> 'cart'
            union all select 'jobs', 'state:' || state, count(*) from jobs group by state
            union all select 'jobs', 'all', count(*) from jobs
            union all select 'audit', 'severity:' || s, count(a.id)
                from unnest(array['low', 'medium', 'high', 'critical']) s
                left join audit_log a on a.severity = s and a.occurred_at < now() and a.occurred_at >= now() - interval '30 days'
                group by s
        )
        insert into stat_snapshots (topic, period, value)
        select topic, '0001-01-01', jsonb_agg(jsonb_build_object('name', name, 'value', value) order by name)
        from counts group by topic
        on conflict (topic, period) do update set value = excluded.value, as_of = excluded.as_of
        "#
    );
    Ok(done.execute(db).await?.rows_affected())
}
