//! Files that go into an archive beside the tables: an invoice's PDF and XML, what is kept for a person.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Result;
use crate::kernel::ids::FileId;

/// So many are named at a time.
const PAGE: i64 = 200;

/// The PDFs of these invoices, after this file, in the order of their ids.
pub async fn of_invoices(db: &mut PgConnection, filters: &Value, after: Uuid) -> Result<Vec<FileId>> {
    let found = sqlx::query_scalar(concat!(
        "select i.pdf_file_id from invoices i where ",
        super::invoices::matching!(),
        " and i.pdf_file_id > $2 order by i.pdf_file_id limit $3"
    ));
    Ok(found.bind(filters).bind(after).bind(PAGE).fetch_all(db).await?)
}

/// The files kept for a person, after this one, in the order of their ids: theirs, and those of their invoices and
/// orders. Exports are not exported.
pub async fn of_person(db: &mut PgConnection, filters: &Value, after: Uuid) -> Result<Vec<FileId>> {
    let found = sqlx::query_scalar!(
        r#"
        with me as (select id, email from users where id = ($1::jsonb->>'user_id')::uuid),
             mine as (select c.id from customers c join me on c.user_id = me.id or (c.user_id is null and c.email = me.email))
        select f.id as "id!: FileId" from files f
        where f.kind <> 'export' and f.id > $2
          and (f.user_id = (select id from me)
               or f.id in (select unnest(array[i.pdf_file_id, i.xml_file_id]) from invoices i
                           where i.customer_id in (select id from mine) and i.status <> 'draft')
               or f.id in (select o.summary_file_id from orders o where o.customer_id in (select id from mine)))
        order by f.id limit $3
        "#,
        filters,
        after,
        PAGE
    );
    Ok(found.fetch_all(db).await?)
}
