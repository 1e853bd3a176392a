//! Reads the sources and refuses what the house forbids. Every rule is a function from sources to breaches, and is
//! tried on a bad source too: a rule that finds nothing because it cannot read must not pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;
use shared::platform::audit;
use shared::platform::jobs::kinds;
use shared::platform::mail::catalogue;
use shared::platform::templates::Templates;

struct Source {
    /// From the root of the workspace.
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Without lines that are comments.
    fn code(&self) -> String {
        self.text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    fn under(&self, prefix: &str) -> bool {
        self.path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
    }
}

fn read(folders: &[&str], ending: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut found = Vec::new();
    let mut open: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the house") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path.strip_prefix(root).expect("in the workspace").to_string_lossy().replace('\\', "/");
                found.push(Source { path: name, text: std::fs::read_to_string(&path).expect("a readable file") });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn product() -> Vec<Source> {
    read(&["shared/src", "api/src", "worker/src"], ".rs")
}

fn matches<'a>(pattern: &str, text: &'a str) -> Vec<(&'a str, &'a str)> {
    let regex = Regex::new(pattern).expect("a pattern");
    let group = |c: &regex::Captures<'a>, n| c.get(n).map_or("", |m| m.as_str());
    regex.captures_iter(text).map(|c| (group(&c, 1), group(&c, 2))).collect()
}

#[track_caller]
fn none(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[track_caller]
fn refused(breaches: &[String], path: &str) {
    assert!(breaches.iter().any(|breach| breach.contains(path)), "{path} should have been refused: {breaches:?}");
}

// Rule 1: floors look down.

fn floor(path: &str) -> Option<(&str, &str)> {
    let mut parts = path.strip_prefix("shared/src/")?.split('/');
    let (floor, room) = (parts.next()?, parts.next().unwrap_or_default());
    Some((floor.trim_end_matches(".rs"), room.trim_end_matches(".rs")))
}

fn looking_up(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        let Some((own, room)) = floor(&source.path) else {
            continue;
        };
        let below: &[&str] = match own {
            "kernel" => &["kernel"],
            "platform" => &["kernel", "platform"],
            "domain" => &["kernel", "platform", "domain"],
            "flows" => &["kernel", "platform", "domain", "flows"],
            "reports" => &["kernel", "platform", "reports"],
            "lib" => &[],
            other => panic!("shared/src/{other} is on no floor we know"),
        };
        let code = source.code();
        for (seen, then) in matches(r"\bcrate::(\w+)(?:::(\w+|\{))?", &code) {
            if !below.contains(&seen) {
                breaches.push(format!("{}: {own} looks up to {seen}", source.path));
            }
            if (own, seen) == ("domain", "domain") && then != room {
                breaches.push(format!("{}: the room {room} knows the room {then}", source.path));
            }
        }
        let inner = matches(r"\bsuper::(super)?(\w*)", &code);
        let root = own == "domain" && (source.path.matches('/').count() == 3 || source.path.ends_with("/mod.rs"));
        if inner.iter().any(|(up, name)| !up.is_empty() || (root && !name.is_empty())) {
            breaches.push(format!("{}: say the whole path instead of climbing by `super`", source.path));
        }
        if !matches(r"(?:^|[^\w:])(api|worker)::(\w)", &code).is_empty() {
            breaches.push(format!("{}: shared knows nothing of api and worker", source.path));
        }
    }
    breaches
}

#[test]
fn floors_look_down_and_rooms_do_not_know_each_other() {
    none(looking_up(&product()));
}

#[test]
fn a_look_up_or_into_another_room_is_noticed() {
    let bad = [
        Source::new("shared/src/kernel/a.rs", "use crate::platform::tx::Tx;"),
        Source::new("shared/src/platform/b.rs", "let x = crate::domain::identity::admins();"),
        Source::new("shared/src/domain/requests/c.rs", "use crate::domain::identity::users;"),
        Source::new("shared/src/domain/requests/mod.rs", "use super::identity::users;"),
        Source::new("shared/src/reports/d.rs", "use crate::domain::identity;"),
        Source::new("shared/src/platform/e.rs", "worker::jobs::registry()"),
    ];
    let breaches = looking_up(&bad);
    bad.iter().for_each(|source| refused(&breaches, &source.path));
    assert!(looking_up(&[Source::new("shared/src/flows/a.rs", "// crate::reports\nuse crate::domain::x;")]).is_empty());
}

#[test]
fn api_and_worker_know_nothing_of_each_other() {
    let manifests = read(&["shared", "api", "worker"], "Cargo.toml");
    assert_eq!(manifests.len(), 3);
    let forbidden = [("shared/", "api"), ("shared/", "worker"), ("api/", "worker"), ("worker/", "api")];
    for (krate, other) in forbidden {
        let manifest = manifests.iter().find(|m| m.path.starts_with(krate)).expect("a manifest");
        assert!(!depends(&manifest.text, other), "{krate} depends on {other}");
    }
    assert!(depends("[dependencies]\napi.workspace = true", "api"));
}

fn depends(manifest: &str, name: &str) -> bool {
    manifest.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(name))
}

// Rule 6: heavy crates have one door.

const STRIPE: &str = "shared/src/platform/stripe";

const PDF: &str = "worker/src/pdf";

const NORM: &str = "shared/src/domain/billing/invoices/norm";

const DOORS: [(&str, &[&str]); 31] = [
    ("axum", &["api/src"]),
    ("tower_http", &["api/src/app.rs"]),
    ("hyper", &["api/src/http.rs"]),
    ("jsonwebtoken", &["api/src/auth.rs"]),
    ("apalis", &["worker/src/lanes.rs", "worker/src/backend.rs"]),
    (
        "apalis_core",
        &["worker/src/lanes.rs", "worker/src/backend.rs", "shared/src/platform/jobs/tickets/apalis_queue.rs"],
    ),
    ("apalis_redis", &["shared/src/platform/jobs/tickets/apalis_queue.rs"]),
    ("lettre", &["worker/src/smtp.rs"]),
    ("reqwest", &["shared/src/platform/jobs/alarms/webhook.rs", "shared/src/platform/stripe/client.rs"]),
    ("stripe_client_core", &[STRIPE]),
    ("stripe_checkout", &[STRIPE]),
    ("stripe_core", &[STRIPE]),
    ("stripe_product", &[STRIPE]),
    ("stripe_shared", &[STRIPE]),
    ("stripe_types", &[STRIPE]),
    (
        "redis",
        &["shared/src/platform/jobs/tickets", "shared/src/platform/ratelimit.rs", "shared/src/platform/realtime.rs"],
    ),
    ("krilla", &["worker/src/pdf/legal", "worker/src/pdf/logo.rs", "worker/src/pdf/fonts.rs"]),
    ("printpdf", &["worker/src/pdf/everyday"]),
    ("subsetter", &["worker/src/pdf/everyday"]),
    ("hayro", &["worker/src/pdf/preview.rs", "worker/src/pdf/attached.rs"]),
    ("harfrust", &["worker/src/pdf/shape", "worker/src/pdf/fonts.rs"]),
    ("skrifa", &["worker/src/pdf/fonts.rs"]),
    ("png", &[PDF]),
    ("en16931", &["shared/src/domain/billing/invoices/norm.rs", NORM, "worker/src/pdf/cii.rs"]),
    ("en16931_formats", &["worker/src/pdf/cii.rs"]),
    ("rust_decimal", &[NORM]),
    ("toml", &["shared/src/kernel/config/house.rs", "shared/src/platform/templates/french.rs"]),
    ("object_store", &["shared/src/platform/files"]),
    ("rawzip", &["shared/src/platform/files/archive.rs"]),
    ("flate2", &["worker/src/exports/pack.rs"]),
    ("handlebars", &["shared/src/platform/templates.rs", "shared/src/platform/templates"]),
];

fn wrong_doors(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        let code = source.code();
        for (name, doors) in DOORS {
            let used = !matches(&format!(r"(?:^|[^\w:])({name})::"), &code).is_empty();
            if used && !doors.iter().any(|door| source.under(door)) {
                breaches.push(format!("{}: {name} comes in by {}", source.path, doors.join(", ")));
            }
        }
    }
    breaches
}

#[test]
fn heavy_crates_have_one_door() {
    let sources = product();
    none(wrong_doors(&sources));
    for (name, doors) in DOORS {
        for door in doors.iter().filter(|door| door.ends_with(".rs")) {
            assert!(sources.iter().any(|source| source.path == *door), "{name}: there is no {door}");
        }
    }
}

#[test]
fn a_second_door_is_noticed() {
    let bad = [
        Source::new("worker/src/jobs/a.rs", "use lettre::Message;"),
        Source::new("shared/src/flows/b.rs", "fn f(_: axum::Router) {}"),
        Source::new("worker/src/runner.rs", "use apalis_core::task::Task;"),
        Source::new("shared/src/domain/billing/payments.rs", "use stripe_core::refund::CreateRefund;"),
    ];
    let breaches = wrong_doors(&bad);
    bad.iter().for_each(|source| refused(&breaches, &source.path));
    assert!(wrong_doors(&[Source::new("worker/src/smtp.rs", "use lettre::Message;")]).is_empty());
}

// Rule 3: a table has one owner.

fn created(migrations: &[Source]) -> BTreeSet<String> {
    let create = r"(?i)create\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?(\w+)";
    migrations.iter().flat_map(|m| matches(create, &m.text)).map(|(table, _)| table.to_owned()).collect()
}

/// Table → owning module: a folder, or a file and the folder of its name.
fn owners(sources: &[Source]) -> Vec<(String, String)> {
    let mut owners = Vec::new();
    for source in sources {
        let head =
            source.text.lines().map_while(|line| line.strip_prefix("//!")).take_while(|line| !line.trim().is_empty());
        let head = head.collect::<Vec<_>>().join(" ");
        let Some((_, owned)) = head.split_once("Owns ") else {
            continue;
        };
        let owned = owned.split(['.', ';']).next().unwrap_or_default();
        let module = source.path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        owners.extend(matches(r"`(\w+)`", owned).into_iter().map(|(table, _)| (table.to_owned(), module.to_owned())));
    }
    owners
}

fn trespasses(sources: &[Source], tables: &BTreeSet<String>) -> Vec<String> {
    let owners = owners(sources);
    let owner: BTreeMap<_, _> = owners.iter().cloned().collect();
    let mut breaches: Vec<String> = Vec::new();
    for table in tables {
        match owners.iter().filter(|(owned, _)| owned == table).count() {
            1 => {}
            0 => breaches.push(format!("{table}: nobody says that they own it")),
            _ => breaches.push(format!("{table}: has more than one owner")),
        }
    }
    let unknown = owners.iter().filter(|(table, _)| !tables.contains(table));
    breaches.extend(unknown.map(|(table, module)| format!("{module}: owns {table}, which no migration makes")));
    let write = r"(?i)\b(insert\s+into|update|delete\s+from|truncate|merge\s+into)\s+(?:table\s+|only\s+)*(\w+)";
    for source in sources {
        let module = source.path.trim_end_matches("/mod.rs").trim_end_matches(".rs").to_owned();
        for (verb, table) in matches(write, &source.code()) {
            let Some(owner) = owner.get(table) else { continue };
            if module != *owner && !module.starts_with(&format!("{owner}/")) {
                breaches.push(format!("{}: {verb} {table}, which {owner} owns", source.path));
            }
        }
    }
    breaches
}

#[test]
fn a_table_has_one_owner_and_only_the_owner_writes_it() {
    let tables = created(&read(&["migrations"], ".sql"));
    assert!(tables.contains("jobs") && tables.len() > 10, "{tables:?}");
    none(trespasses(&product(), &tables));
}

#[test]
fn a_trespass_is_noticed() {
    let tables = created(&[Source::new("migrations/1.sql", "create table a (x int);\nCREATE TABLE b (y int);")]);
    let sources = [
        Source::new("shared/src/platform/a.rs", "//! A. Owns `a`, `c`.\n\n\"insert into a values\""),
        Source::new("shared/src/platform/x.rs", "\"delete  from a where\""),
    ];
    let breaches = trespasses(&sources, &tables);
    for part in ["b: nobody", "owns c", "shared/src/platform/x.rs"] {
        refused(&breaches, part);
    }
    assert_eq!(breaches.len(), 3, "{breaches:?}");
}

// Habits.

/// Functions of more than 60 lines: statements that name all columns, output line by line. The list only shrinks.
const LONG: [(&str, &str); 3] = [
    ("shared/src/platform/jobs/admin/read.rs", "get"),
    ("api/src/cli/jobs.rs", "list"),
    ("api/src/cli/retry.rs", "retry"),
];

fn bad_habits(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        let code = source.code();
        let mut refuse = |found: bool, why: &str| {
            if found {
                breaches.push(format!("{}: {why}", source.path));
            }
        };
        refuse(source.under("shared/src") && code.contains("use crate::{"), "imports across floors stand one per line");
        let no_sql = source.under("api/src") || source.under("shared/src/flows") || source.under("worker/src");
        refuse(no_sql && code.contains("sqlx::query"), "SQL belongs to the owner of the table");
        refuse(code.contains(".unwrap()"), "say why it cannot fail: `expect(\"the invariant\")`");
        let catalogue = ["shared/src/platform/jobs/kinds.rs", "shared/src/kernel/config.rs"].contains(&&*source.path);
        refuse(!catalogue && source.text.lines().count() > 600, "more than 600 lines");
        for (name, lines) in functions(&source.text).into_iter().filter(|(_, lines)| *lines > 60) {
            let list = ["table", "admin"].contains(&&*name) && source.under("api/src/routes");
            refuse(!list && !LONG.contains(&(&source.path, &name)), &format!("fn {name} has {lines} lines"));
        }
    }
    breaches
}

/// Functions and their lines, by rustfmt's indentation.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let head = Regex::new(r"^(\s*)(?:pub(?:\([\w:]+\))? )?(?:const )?(?:async )?fn (\w+)").expect("a pattern");
    let measure = |(at, line): (usize, &&str)| {
        let head = head.captures(line)?;
        let end = format!("{}}}", &head[1]);
        let length = lines[at..].iter().position(|line| *line == end)? + 1;
        Some((head[2].to_owned(), length))
    };
    lines.iter().enumerate().filter_map(measure).collect()
}

#[test]
fn nobody_has_bad_habits() {
    none(bad_habits(&product()));
}

#[test]
fn bad_habits_are_noticed() {
    let long = format!("fn f() {{\n{}}}\n", "    x();\n".repeat(60));
    let bad = [
        Source::new("shared/src/flows/a.rs", "use crate::{kernel, platform};"),
        Source::new("api/src/routes/b.rs", "sqlx::query!(\"select 1\")"),
        Source::new("worker/src/c.rs", "x.unwrap()"),
        Source::new("worker/src/d.rs", &"\n".repeat(601)),
        Source::new("worker/src/e.rs", &long),
    ];
    let breaches = bad_habits(&bad);
    bad.iter().for_each(|source| refused(&breaches, &source.path));
    assert_eq!(breaches.len(), bad.len(), "{breaches:?}");
}

// Lists that must agree.

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort();
    items
}

/// `SendEmail` → `send_email`.
fn snake(name: &str) -> String {
    let broken = Regex::new("([a-z])([A-Z])").expect("a pattern").replace_all(name, "${1}_$2").into_owned();
    broken.to_lowercase()
}

#[test]
fn the_three_lists_of_kinds_agree() {
    let parts = ["", "/accounts", "/documents", "/exports", "/stripe", "/upkeep"];
    let catalogue = parts.map(|part| format!("/jobs/kinds{part}.rs"));
    let catalogue: String =
        catalogue.iter().map(|path| read(&["shared/src/platform/jobs"], path).remove(0).text).collect();
    let declared: Vec<(String, String)> =
        matches(r#"(?s)impl Job for (\w+) \{\s*const KIND: &'static str = "([^"]+)";"#, &catalogue)
            .into_iter()
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .collect();
    let kinds_declared = sorted(declared.iter().map(|(_, kind)| kind.clone()));
    assert_eq!(kinds_declared, sorted(kinds::ALL.iter().map(|kind| kind.name.to_owned())), "kinds.rs and its ALL");
    assert_eq!(kinds_declared, worker::jobs::registry().kinds(), "kinds.rs and the registry");
    let files = read(&["worker/src/jobs"], ".rs");
    let files: Vec<&Source> = files.iter().filter(|file| !file.path.ends_with("/mod.rs")).collect();
    let expected = sorted(declared.iter().map(|(name, _)| format!("worker/src/jobs/{}.rs", snake(name))));
    assert_eq!(sorted(files.iter().map(|file| file.path.clone())), expected, "a file per kind");
    for (name, _) in &declared {
        let file = files.iter().find(|file| file.path.ends_with(&format!("/{}.rs", snake(name)))).expect("its file");
        assert!(file.text.contains(&format!("impl Run for {name} ")), "{} does not run {name}", file.path);
    }
}

#[test]
fn every_action_that_is_recorded_is_in_the_catalogue_once() {
    let names = sorted(audit::ACTIONS.iter().map(|action| action.name.to_owned()));
    let once: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(names, Vec::from_iter(once.clone()), "an action stands there once");
    let records =
        |source: &Source| ["Severity", "audit::", ".opens(", ".opened("].iter().any(|sign| source.text.contains(sign));
    let sources = product();
    let records = sources.iter().filter(|source| records(source) && !source.under("shared/src/platform/audit"));
    let mut used = BTreeSet::new();
    for source in records {
        for (name, _) in matches(
            r#"(?:action: |record\([^;"]*|watch::\w+\([^;"]*|suspected\([^;"]*|opens\(|opened\()"([A-Z]+(?:_[A-Z]+)*)""#,
            &source.code(),
        ) {
            assert!(once.contains(name), "{}: {name} is not in the catalogue", source.path);
            used.insert(name.to_owned());
        }
    }
    assert!(used.len() > 40 && used.contains("LOGIN_FAILED") && used.contains("INVOICE_DOWNLOADED"), "{used:?}");
}

#[test]
fn the_catalogue_of_mails_and_the_folders_agree() {
    let names = sorted(catalogue::ALL.iter().map(|mail| mail.name.to_owned()));
    assert_eq!(names, Templates::mail_names());
}

#[test]
fn templates_escape_everything() {
    let raw = |source: &Source| {
        source.text.contains("{{{") || Regex::new(r"\{\{~?&").expect("a pattern").is_match(&source.text)
    };
    let templates = read(&["templates"], ".hbs");
    assert!(templates.len() > 20);
    none(templates.iter().filter(|t| raw(t)).map(|t| format!("{}: prints without escaping", t.path)).collect());
    assert!(raw(&Source::new("a.hbs", "{{{name}}}")) && raw(&Source::new("a.hbs", "{{&name}}")));
}
