//! More orders than a sheet of a workbook holds, and a worker that is killed twice on the way. A third death would put the
//! job away as poison.

use std::time::Duration;

use harness::Stage;
use harness::judge::Line;
use serde_json::json;
use shared::domain::exports::ExportFormat;

use super::judged;
use super::killed::{asked, built, in_the_middle, spooled};

/// A sheet holds 1,048,575 beside its headings.
const ROWS: usize = 1_048_600;

/// Sheets are read in passing: a reader of workbooks would take minutes.
const SHEETS: &str = "
import json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1]); counts = {}
for i in z.infolist():
    if i.filename.startswith('xl/worksheets/sheet'):
        rest, n = b'', 0
        with z.open(i) as f:
            while piece := f.read(1 << 20):
                text = rest + piece
                n += text.count(b'<row>')
                rest = text[-4:]
        counts[i.filename] = n
import openpyxl
print(json.dumps({'rows': counts, 'names': openpyxl.load_workbook(open(sys.argv[1], 'rb'), read_only=True).sheetnames}))";

async fn made_by_workers_that_die(format: ExportFormat) -> Stage {
    let stage = Stage::new(&[]).await;
    asked(&stage, format, ROWS).await;
    for after in [200_000, 700_000] {
        let mut worker = stage.worker();
        in_the_middle(&stage, after).await;
        worker.kill().await.expect("kill -9");
    }
    let _worker = stage.worker();
    stage.until(Duration::from_secs(300), "select count(*) from exports where status = 'ready'", 1).await;
    assert_eq!(stage.count("select snapshots::bigint from exports").await, 3, "it was resumed each time");
    assert_eq!(spooled(&stage), 0, "no part is left");
    stage
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "two minutes, in ./dev faults"]
async fn a_million_rows_outlive_two_kills() {
    let _line = Line::of("F2", "kill -9 twice during an export of 1,048,600 rows");
    let stage = made_by_workers_that_die(ExportFormat::Csv).await;
    let bytes = built(&stage).await;
    let text = std::str::from_utf8(&bytes).expect("UTF-8");
    let number = |line: &str| line.split(',').nth(1)?.strip_prefix("C-")?.parse::<usize>().ok();
    assert!(text.split("\r\n").filter_map(number).eq(1..=ROWS), "every row once, in their order");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "two minutes, in ./dev faults"]
async fn a_full_sheet_is_followed_by_another_whoever_dies() {
    let _line = Line::of("F2", "kill -9 twice during a workbook of 1,048,600 rows");
    let stage = made_by_workers_that_die(ExportFormat::Xlsx).await;
    let Some(read) = judged(SHEETS, &built(&stage).await) else { return };
    let rows = json!({ "xl/worksheets/sheet1.xml": 1_048_576, "xl/worksheets/sheet2.xml": 26, "xl/worksheets/sheet3.xml": 11 });
    assert_eq!(read, json!({ "rows": rows, "names": ["Commandes", "Commandes (2)", "Lignes"] }));
}
