//! A mail once more, because somebody asks for it: a new row with a Message-ID of its own. The first stays as it is: it is
//! evidence of what was sent.

use super::{EmailView, catalogue, get, job, suppression};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::EmailId;
use crate::platform::jobs::enqueue_new;
use crate::platform::tx::Tx;

/// Sends a mail again: to the same address, from the same data, with the same attachments, rendered anew.
///
/// `after` is how many times whoever asks has seen it repeated: two clicks on one page are one mail. 404 for no such mail or
/// one whose template is gone, 409 `suppressed` for an address that gets none.
pub async fn again(tx: &mut Tx, id: EmailId, after: Option<i64>) -> Result<EmailId> {
    let first = get(tx, id).await?;
    let template = catalogue::find(&first.row.template).ok_or(Error::NotFound("template"))?;
    if let Some(reason) = suppression::reason(tx, &first.row.to_address).await? {
        return Err(Error::conflict("suppressed", format!("this address gets no mail: {reason}")));
    }
    let times = after.unwrap_or(first.repeats);
    let key = format!("again:{id}:{times}");
    let Some(new) = copy(tx, &first, &key, template.deadline.map(|term| term.as_secs_f64())).await? else {
        let known = sqlx::query_scalar!(r#"select id as "id: EmailId" from emails where dedupe_key = $1"#, key);
        return Ok(known.fetch_one(&mut **tx).await?);
    };
    let config = tx.platform().config.clone();
    if config.mail.enabled {
        enqueue_new(tx, job(&config, new, template, &first.row.to_address, first.user_id)?).await?;
    }
    Ok(new)
}

/// None: a mail with this key exists.
async fn copy(tx: &mut Tx, first: &EmailView, key: &str, term: Option<f64>) -> Result<Option<EmailId>> {
    let new = EmailId::new();
    let config = tx.platform().config.clone();
    let from = &config.mail.from_email;
    let written = sqlx::query!(
        "insert into emails (id, template, locale, mail_class, to_address, to_name, from_address, reply_to, vars, dedupe_key,
                             status, message_id, deadline_at, user_id, subject_type, subject_id, attachments, again_of)
         select $2, template, locale, mail_class, to_address, to_name, $3, reply_to, vars, $4,
                $5, $6, now() + make_interval(secs => $7), user_id, subject_type, subject_id, attachments, id
         from emails where id = $1
         on conflict (dedupe_key) do nothing",
        first.row.id.0,
        new.0,
        from,
        key,
        super::first_status(&config),
        super::message_id(&config, new),
        term
    );
    Ok((written.execute(&mut **tx).await?.rows_affected() == 1).then_some(new))
}
