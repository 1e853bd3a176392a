"""Exports the rows of a query as most programs would: a server-side cursor, and the usual library for the file.

    export.py csv|xlsx DATABASE_URL QUERY FILE  ->  {"rows": …, "seconds": …, "rss_mib": …}
"""

import csv
import json
import resource
import sys
import time

import openpyxl
import psycopg

how, url, query, path = sys.argv[1:]


def naive(value):
    """A workbook knows no time zones, and no uuid."""
    if hasattr(value, "tzinfo"):
        return value.replace(tzinfo=None)
    return str(value) if value.__class__.__name__ == "UUID" else value


before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.monotonic()
with psycopg.connect(url, options="-c statement_timeout=0") as db, db.cursor(name="export") as rows:
    rows.itersize = 10_000
    rows.execute(query)
    count = 0
    if how == "csv":
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            for row in rows:
                writer.writerow(row)
                count += 1
    else:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("orders")
        for row in rows:
            sheet.append([naive(value) for value in row])
            count += 1
        book.save(path)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"rows": count, "seconds": time.monotonic() - start, "rss_mib": (peak - before) / 1024}))
