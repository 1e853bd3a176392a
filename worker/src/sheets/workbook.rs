//! What surrounds the sheets of a workbook (ISO/IEC 29500-1 and -2): its parts, their relations, the formats of cells.

use std::fmt::Write;

/// The name of the nth sheet inside, from 1.
pub fn sheet(n: usize) -> String {
    format!("xl/worksheets/sheet{n}.xml")
}

/// A title that Excel accepts: 31 characters, and none of `:\/?*[]`.
pub fn title(wanted: &str, nth: usize) -> String {
    let end = if nth > 1 { format!(" ({nth})") } else { String::new() };
    let kept = |c: &char| !":\\/?*[]'".contains(*c);
    let room = 31 - end.chars().count();
    wanted.chars().filter(kept).take(room).chain(end.chars()).collect()
}

/// The parts beside the sheets, for sheets of these titles: name inside, content.
pub fn around(titles: &[String]) -> [(&'static str, String); 5] {
    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
    const RELATION: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const MEDIA: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    let (mut types, mut sheets, mut relations) = (String::new(), String::new(), String::new());
    for (n, title) in (1..).zip(titles) {
        let title = title.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let _ = write!(types, "<Override PartName=\"/{}\" ContentType=\"{MEDIA}.worksheet+xml\"/>", sheet(n));
        let _ = write!(sheets, "<sheet name=\"{title}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>");
        let _ = write!(
            relations,
            "<Relationship Id=\"rId{n}\" Type=\"{RELATION}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>"
        );
    }
    let styles = titles.len() + 1;
    let package = "http://schemas.openxmlformats.org/package/2006";
    [
        (
            "[Content_Types].xml",
            format!(
                "{HEAD}<Types xmlns=\"{package}/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"{MEDIA}.sheet.main+xml\"/><Override PartName=\"/xl/styles.xml\" ContentType=\"{MEDIA}.styles+xml\"/>{types}</Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "{HEAD}<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{RELATION}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "{HEAD}<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"{RELATION}\"><sheets>{sheets}</sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "{HEAD}<Relationships xmlns=\"{package}/relationships\">{relations}<Relationship Id=\"rId{styles}\" Type=\"{RELATION}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        ("xl/styles.xml", format!("{HEAD}{STYLES}")),
    ]
}

/// Formats 0 to 7: general, a day, a moment, a whole number, two decimals, three, quoted words, a heading.
const STYLES: &str = r##"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/><numFmt numFmtId="165" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/><numFmt numFmtId="166" formatCode="#,##0.000###"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="8"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="1" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="4" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="166" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"##;
