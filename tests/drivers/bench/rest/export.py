"""What a developer would write to take a practice's clients out of the same database: export.py csv|xlsx DATABASE_URL FILE
prints the seconds it took. `export.py alike FILE FILE` says whether two workbooks have the same cells."""
import asyncio
import csv
import datetime
import json
import sqlite3
import sys
import time

CARD = ["name", "reference", "email", "phone", "town", "country"]
CUSTOM = ["cf_segment", "cf_manager", "cf_fee", "cf_employees", "cf_next_review", "cf_newsletter", "cf_language", "cf_notes"]
HEADER = ["Name", "Reference", "E-mail", "Phone", "Town", "Country"] + CUSTOM
QUERIES = {
    "fields": "SELECT key, slug, kind FROM fields",
    "options": "SELECT key, label FROM field_options",
    "clients": "SELECT c.name, c.reference, c.email, c.phone, c.town, c.country, v.vals FROM clients c "
               "JOIN client_values v ON v.client_key = c.key WHERE c.archived_at IS NULL ORDER BY c.name_key{}, c.key",
}


def read_sqlite(url):
    connection = sqlite3.connect(url.removeprefix("sqlite:"))
    return [connection.execute(query.format("")) for query in QUERIES.values()]


async def read_postgres(url):
    import asyncpg
    connection = await asyncpg.connect(url)
    found = [await connection.fetch(query.format(' COLLATE "C"')) for query in QUERIES.values()]
    await connection.close()
    return found


def rows(url):
    fields, options, clients = read_sqlite(url) if url.startswith("sqlite:") else asyncio.run(read_postgres(url))
    fields = {slug: (f"f{key}", kind) for key, slug, kind in fields}
    options = dict(tuple(option) for option in options)
    columns = [fields[slug] for slug in CUSTOM]
    for client in clients:
        values = json.loads(client[6])
        row = list(client[:6])
        for key, kind in columns:
            value = values.get(key)
            if kind == "choice":
                value = options.get(value)
            elif kind == "yes_no" and value is not None:
                value = "yes" if value else "no"
            row.append(value)
        yield row


def safe(cell):
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")):
        return "'" + cell
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell


def to_csv(url, file):
    with open(file, "w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(HEADER)
        writer.writerows([safe(cell) for cell in row] for row in rows(url))


def to_xlsx(url, file):
    from openpyxl import Workbook
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet()
    sheet.append(HEADER)
    day = len(CARD) + CUSTOM.index("cf_next_review")
    for row in rows(url):
        row[day] = row[day] and datetime.date.fromisoformat(row[day])
        sheet.append(row)
    workbook.save(file)


def alike(one, other):
    from openpyxl import load_workbook
    sheets = [load_workbook(file, read_only=True).worksheets[0].iter_rows(values_only=True) for file in (one, other)]
    for number, (mine, its) in enumerate(zip(*sheets, strict=True), 1):
        if mine != its:
            sys.exit(f"line {number}: {mine} is not {its}")


what, first, second = sys.argv[1:]
if what == "alike":
    alike(first, second)
else:
    if what == "xlsx":
        import openpyxl  # noqa: F401  (its loading is no part of the measure)
    began = time.perf_counter()
    {"csv": to_csv, "xlsx": to_xlsx}[what](first, second)
    print(f"{time.perf_counter() - began:.3f}")
