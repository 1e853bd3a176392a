//! The pictures of the README: five pages of a house on a busy morning. `./dev shots` takes them anew.

use std::collections::HashMap;
use std::path::Path;

use fantoccini::Client;
use harness::TestApp;
use serde_json::json;

use super::hands::{evaluate, order, prefer, press, sees, window};
use super::house;

/// Colours of a picture: as many as one byte names.
const COLOURS: usize = 256;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes pictures into the folder that FACTEUR_SHOTS names: ./dev shots"]
async fn the_pictures_of_the_readme() {
    let folder = std::env::var("FACTEUR_SHOTS").expect("FACTEUR_SHOTS names a folder");
    let folder = Path::new(&folder);
    let shop = house::open().await;
    busy(&shop.app).await;
    let (_driver, page) = house::visitor(&shop, true).await.expect("chromedriver");
    let base = shop.base();
    let to = async |path: &str| page.goto(&format!("{base}{path}")).await.expect("a page");

    order(&page, "Emulation.setScrollbarsHidden", json!({ "hidden": true })).await;
    window(&page, 1280, 980).await;
    to("/admin").await;
    picture(&page, &folder.join("overview.png")).await;

    prefer(&page, "prefers-color-scheme", "dark").await;
    window(&page, 1280, 780).await;
    to("/admin/jobs?filter=state:failed+kind:email.send+error:451*").await;
    picture(&page, &folder.join("jobs.png")).await;

    prefer(&page, "prefers-color-scheme", "light").await;
    window(&page, 1280, 1560).await;
    to(&text(
        &shop.app,
        "select '/admin/jobs/' || id as it from jobs where kind = 'email.send' and attempt = 3 and state = 'succeeded'",
    )
    .await)
    .await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await; // the mail in its frame
    picture(&page, &folder.join("job.png")).await;

    window(&page, 1280, 960).await;
    to(&text(&shop.app, "select '/admin/invoices/' || id as it from invoices where number is not null limit 1").await)
        .await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await; // the picture of its page
    picture(&page, &folder.join("invoice.png")).await;

    to("/admin/jobs?filter=state:failed+kind:email.send").await;
    press(&page, "Preview all").await;
    sees(&page, "Reason").await;
    window(&page, 412, 860).await;
    picture(&page, &folder.join("phone.png")).await;
    page.close().await.expect("closed");
}

async fn text(app: &TestApp, query: &'static str) -> String {
    app.sql(query).await[0]["it"].as_str().expect("a row").to_owned()
}

/// A morning on which a relay was slow and is well again: figures, waiting and failed jobs, one mail with a history.
async fn busy(app: &TestApp) {
    app.execute(
        "delete from lanes; delete from jobs where kind = 'debug.probe' or kind = 'export.build'; delete from batches;
         delete from error_groups where kind = 'debug.probe'; delete from job_stats; delete from workers where state <> 'running';
         update workers set running = 3, lanes = '{email_high,stripe,documents,default,email,media,exports,email_bulk,maintenance}';
         insert into job_stats (minute, lane, kind, succeeded, failed, dead)
         select date_trunc('minute', now()) - n * interval '1 min', 'email', 'email.send',
                (260 + 90 * sin(n / 7.0) + (n * 37) % 41)::int, case when n between 14 and 26 then 60 + (n * 13) % 50 else (n * 5) % 4 end, 0
         from generate_series(-2, 59) n;
         insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, key_argument, tenant, run_at, created_at,
                           last_error, error_code, finished_at, fingerprint)
         select gen_random_uuid(), 'email.send', 'email', s.state, 0, 4 + n % 9, 15, 60000, jsonb_build_object('email', gen_random_uuid()),
                (array['order-shipped', 'billing-invoice', 'visitor-contact', 'course-reminder'])[1 + n % 4], null,
                now() + n * interval '41 s', now() - n * interval '97 s', '451 4.7.1 try again later', 'smtp_temporary',
                case when s.state = 'dead' then now() - n * interval '11 s' end, 'slowrelay'
         from (values ('retrying', 46), ('dead', 12)) s (state, most), lateral generate_series(1, s.most) n;
         insert into error_groups (fingerprint, kind, code, message, state, count, first_seen, last_seen, first_version, last_version, last_job)
         values ('slowrelay', 'email.send', 'smtp_temporary', '451 # try again later', 'known', 1204, now() - interval '2 h',
                 now() - interval '4 min', '0.1.0', '0.1.0', gen_random_uuid());
         insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, key_argument, run_at)
         select gen_random_uuid(), k.kind, k.lane, k.state, 0, 0, 5, 60000, '{}', k.about, now() + k.after
         from (values ('invoice.render_pdf', 'documents', 'queued', 'FA-2026-000318', interval '0'),
                      ('stripe.process_event', 'stripe', 'queued', 'evt_1Q9', interval '0'),
                      ('export.build', 'exports', 'scheduled', 'orders', interval '3 h')) k (kind, lane, state, about, after);
         update jobs set attempt = 3, fence = 3, worker_id = 'atelier-4711-9f3ac1', created_at = created_at - interval '9 min',
                started_at = created_at - interval '8 min 1 s', finished_at = created_at - interval '8 min 0.6 s'
         where id = (select j.id from jobs j join emails e on j.subject_id = e.id
                     where e.template in ('billing-invoice', 'user-payment') and e.status = 'sent' limit 1);
         insert into job_attempts (job_id, fence, attempt, worker_id, started_at, finished_at, outcome, error, next_run_at)
         select id, n, n, 'atelier-4711-9f3ac1', created_at + (n * n * 7) * interval '1 s', created_at + (n * n * 7 + 1) * interval '1 s', 'error',
                '451 4.7.1 greylisted, try again later', created_at + ((n + 1) * (n + 1) * 7) * interval '1 s'
         from jobs, generate_series(1, 2) n where jobs.attempt = 3 and jobs.state = 'succeeded' and jobs.kind = 'email.send' on conflict do nothing;
         update job_effects set reply = '250 2.0.0 Ok: queued as 4Xk2pD1t5z', worker_id = 'atelier-4711-9f3ac1';
         update emails set smtp_reply = '250 2.0.0 Ok: queued as 4Xk2pD1t5z' where status = 'sent'",
    )
    .await;
}

/// What is seen now, as a PNG of at most 256 colours.
async fn picture(page: &Client, file: &Path) {
    evaluate(page, "document.activeElement?.blur()").await;
    let shot = page.screenshot().await.expect("a picture");
    let mut reader = png::Decoder::new(std::io::Cursor::new(shot)).read_info().expect("a PNG");
    let mut bytes = vec![0; reader.output_buffer_size().expect("it fits")];
    let frame = reader.next_frame(&mut bytes).expect("a picture");
    let step = frame.color_type.samples();
    let pixels: Vec<[u8; 3]> = bytes[..frame.buffer_size()].chunks(step).map(|p| [p[0], p[1], p[2]]).collect();
    let (palette, indices) = few_colours(&pixels);
    let out = std::fs::File::create(file).expect("a file");
    let mut encoder = png::Encoder::new(out, frame.width, frame.height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    encoder.write_header().expect("a head").write_image_data(&indices).expect("a body");
    let size = std::fs::metadata(file).expect("a file").len();
    assert!(size <= 150 * 1024, "{} has {size} bytes", file.display());
}

/// The most frequent colours, close ones as one; and for each pixel the nearest of them.
fn few_colours(pixels: &[[u8; 3]]) -> (Vec<[u8; 3]>, Vec<u8>) {
    let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
    for pixel in pixels {
        *counts.entry(*pixel).or_default() += 1;
    }
    let far = |a: &[u8; 3], b: &[u8; 3]| a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum::<u32>();
    let mut colours: Vec<_> = counts.iter().collect();
    colours.sort_unstable_by_key(|(colour, count)| (std::cmp::Reverse(**count), **colour));
    let mut palette: Vec<[u8; 3]> = Vec::new();
    for (colour, _) in &colours {
        if palette.len() < COLOURS && palette.iter().all(|kept| far(kept, colour) > 90) {
            palette.push(**colour);
        }
    }
    let nearest = |colour: &[u8; 3]| {
        let index = (0..palette.len()).min_by_key(|index| far(&palette[*index], colour)).expect("a colour");
        u8::try_from(index).expect("256 colours")
    };
    let known: HashMap<[u8; 3], u8> = counts.keys().map(|colour| (*colour, nearest(colour))).collect();
    let indices = pixels.iter().map(|pixel| known[pixel]).collect();
    (palette, indices)
}
