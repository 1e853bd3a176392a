//! Writes the Factur-X block into the XMP of a finished file: krilla 0.8 takes no metadata of others. The stream is
//! uncompressed, as PDF/A wants it; the block goes in, and what comes behind it moves: the table of offsets is corrected.

use super::{FacturX, NAME, PaintError};

/// The namespace of Factur-X 1.0.
const NAMESPACE: &str = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#";

/// Where a packet begins.
const BEGIN: &[u8] = b"<?xpacket begin";

/// A text that replaces a range of the file.
struct Edit {
    from: usize,
    to: usize,
    text: Vec<u8>,
}

/// The file with the block. Refuses a file that is not built as expected rather than writing a broken one.
pub fn add(pdf: &[u8], data: &FacturX) -> Result<Vec<u8>, PaintError> {
    // The last one: nobody's text, written uncompressed before it, can be taken for it.
    let start =
        pdf.windows(BEGIN.len()).rposition(|window| window == BEGIN).ok_or(PaintError::Metadata("no packet"))?;
    let end = find(pdf, b"<?xpacket end", start).ok_or(PaintError::Metadata("the packet does not end"))?;
    let schemas = find(&pdf[..end], b"</rdf:Bag></pdfaExtension:schemas>", start);
    let schemas = schemas.ok_or(PaintError::Metadata("no extension schemas"))?;
    let rdf = find(&pdf[..end], b"</rdf:RDF>", start).ok_or(PaintError::Metadata("no end of RDF"))?;
    let (schema, block) = (schema(), block(data));
    let (length, old) = length(pdf, start)?;
    let new = (old + schema.len() + block.len()).to_string().into_bytes();
    let edits = [
        Edit { from: length.0, to: length.1, text: new },
        Edit { from: schemas, to: schemas, text: schema.into_bytes() },
        Edit { from: rdf, to: rdf, text: block.into_bytes() },
    ];
    apply(pdf, &edits)
}

/// Where the length of the stream that begins at `start` is written, and what it says.
fn length(pdf: &[u8], start: usize) -> Result<((usize, usize), usize), PaintError> {
    let key = b"/Length ";
    let object = pdf[..start].windows(4).rposition(|window| window == b" obj");
    let from = object.and_then(|object| find(&pdf[..start], key, object)).map(|at| at + key.len());
    let from = from.ok_or(PaintError::Metadata("no length"))?;
    let digits = pdf[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = number(&pdf[from..from + digits]).ok_or(PaintError::Metadata("no length"))?;
    Ok(((from, from + digits), value))
}

/// Applies the edits and corrects the table of offsets and the pointer to it.
fn apply(pdf: &[u8], edits: &[Edit]) -> Result<Vec<u8>, PaintError> {
    let broken = PaintError::Metadata("no table of offsets");
    let pointer = pdf.windows(9).rposition(|window| window == b"startxref").ok_or(broken)?;
    let digits_at = pointer + b"startxref".len() + 1;
    let digits = pdf[digits_at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let table = number(&pdf[digits_at..digits_at + digits]).filter(|at| pdf[*at..].starts_with(b"xref"));
    let table = table.ok_or(PaintError::Metadata("no table of offsets"))?;
    let moved = |offset: usize| {
        let before = edits.iter().filter(|edit| edit.to <= offset);
        before.fold(offset, |at, edit| at + edit.text.len() - (edit.to - edit.from))
    };
    let mut out = Vec::with_capacity(pdf.len() + 4096);
    let mut from = 0;
    for edit in edits {
        out.extend_from_slice(&pdf[from..edit.from]);
        out.extend_from_slice(&edit.text);
        from = edit.to;
    }
    out.extend_from_slice(&pdf[from..table]);
    let trailer = find(pdf, b"trailer", table).ok_or(PaintError::Metadata("no trailer"))?;
    for line in pdf[table..trailer].split_inclusive(|byte| *byte == b'\n') {
        // An entry is `nnnnnnnnnn ggggg n` and two bytes of line end: ISO 32000-1, 7.5.4.
        match number(line.get(..10).unwrap_or_default()) {
            Some(offset) if line.len() == 20 && line[17] == b'n' => {
                out.extend_from_slice(format!("{:010}", moved(offset)).as_bytes());
                out.extend_from_slice(&line[10..]);
            }
            _ => out.extend_from_slice(line),
        }
    }
    out.extend_from_slice(&pdf[trailer..digits_at]);
    out.extend_from_slice(moved(table).to_string().as_bytes());
    out.extend_from_slice(&pdf[digits_at + digits..]);
    Ok(out)
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    haystack.get(from..)?.windows(needle.len()).position(|window| window == needle).map(|at| at + from)
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What the block's properties are, for PDF/A (ISO 19005-3, 6.6.2.3.3).
fn schema() -> String {
    let properties = [
        ("DocumentFileName", "name of the embedded XML invoice file"),
        ("DocumentType", "INVOICE"),
        ("Version", "The actual version of the Factur-X XML schema"),
        ("ConformanceLevel", "The conformance level of the embedded Factur-X data"),
    ];
    let property = |(name, about): (&str, &str)| {
        format!(
            "<rdf:li rdf:parseType=\"Resource\"><pdfaProperty:name>{name}</pdfaProperty:name>\
             <pdfaProperty:valueType>Text</pdfaProperty:valueType>\
             <pdfaProperty:category>external</pdfaProperty:category>\
             <pdfaProperty:description>{about}</pdfaProperty:description></rdf:li>"
        )
    };
    let properties: String = properties.into_iter().map(property).collect();
    format!(
        "<rdf:li rdf:parseType=\"Resource\"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>\
         <pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>\
         <pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )
}

fn block(data: &FacturX) -> String {
    let profile = data.profile.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<rdf:Description rdf:about=\"\" xmlns:fx=\"{NAMESPACE}\"><fx:DocumentType>INVOICE</fx:DocumentType>\
         <fx:DocumentFileName>{NAME}</fx:DocumentFileName><fx:Version>1.0</fx:Version>\
         <fx:ConformanceLevel>{profile}</fx:ConformanceLevel></rdf:Description>"
    )
}
