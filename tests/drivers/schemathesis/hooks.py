"""What tests/schemathesis adds to Schemathesis: keeps the key in use, lets changes get through, reads refusals.

KLAAR_KEY and KLAAR_KEY_ID are the API key that the run signs in with; both are absent when it runs signed out.
"""

import io
import json
import os
import urllib.error
import urllib.request
import zipfile

import schemathesis
from schemathesis.core.failures import Failure

KEY = os.environ.get("KLAAR_KEY")
KEY_ID = os.environ.get("KLAAR_KEY_ID")
NO_KEY_ID = "key_" + "0" * 32

# Why well-formed input may be refused: for what the practice's data, the clock or arithmetic says. Whatever else a
# field is refused for could be said in the description, and must be.
MEANINGS = {
    "check_digits": "arithmetic over the digits of a number",
    "check_digits_suggestion": "arithmetic over the digits of a number",
    "participant_identifier": "arithmetic, and the network's list of schemes",
    "malformed": "numbers and addresses of sites are taken in any notation",
    "malformed_email": "how long an address is before and behind its @ in all",
    "malformed_cursor": "a cursor is opaque, and belongs to its list",
    "unknown_member": "whether there is such a member",
    "unknown_client": "whether there is such a client",
    "unknown_held_change": "whether there is such a change",
    "unknown_time_zone": "which time zones there are",
    "unknown_field": "which fields the practice has",
    "system_owned": "which fields the practice has",
    "wrong_type": "which fields the practice has",
    "value_missing": "how a field is asked",
    "unknown_option": "which options a field has",
    "retired_option": "which options a field has",
    "malformed_amount": "which fields the practice has",
    "malformed_link": "which fields the practice has",
    "not_a_client": "which fields the practice has",
    "archived_field": "which fields the practice has",
    "unknown_category": "which categories the practice has",
    "archived_category": "which categories the practice has",
    "reserved_slug": "what the names of the card are",
    "no_choice": "one field is compared with another",
    "option_twice": "one option is compared with another",
    "same_option": "one option is compared with another",
    "same_client": "a client is compared with another",
    "twice": "parts of a list are compared by one of their fields",
    "option_of_other_field": "which options a field has",
    "malformed_placeholder": "placeholders in a text have a language of their own",
    "unbalanced_placeholder": "placeholders in a text have a language of their own",
    "too_many_placeholders": "placeholders in a text have a language of their own",
    "placeholder_in_markup": "placeholders in a text have a language of their own",
    "unknown_variable": "which fields the practice has",
    "language_missing": "what language the practice has",
    "element_not_allowed": "a text is HTML",
    "attribute_not_allowed": "a text is HTML",
    "class_not_allowed": "a text is HTML",
    "misnested_markup": "a text is HTML",
    "unknown_template": "which templates the practice has",
    "one_selection": "several fields are compared with each other",
    "unknown_template_category": "which categories the practice has",
    "unknown_version": "which versions a template has",
    "malformed_file_name": "which characters cannot be seen is more than a pattern says",
    "wrong_file_content": "what is in a file is its own affair",
    "file_protected": "what is in a file is its own affair",
    "program_inside": "what is in a file is its own affair",
    "file_name_taken": "what the template has attached",
    "version_or_delivered": "one field is compared with another",
    "unknown_sender": "which senders the practice has",
    "malformed_host": "how the names of hosts are encoded",
    "needed_with_server": "one field is compared with another",
    "needs_own_server": "one field is compared with another",
    "no_shared_server": "what the installation offers",
    "no_room_for_mark": "how long an address is before its @",
    "secret_missing": "what is kept of the sender's server",
    "say_another": "which sender is the default",
    "server_unreachable": "what the network answers",
    "private_address": "what the network answers",
    "same_kind": "what the field holds",
    "unknown_or_used": "whether the invitation is open",
    "beyond_own_rights": "what the caller may",
    "in_the_past": "what time it is",
    "before_start": "one field is compared with another",
    "needed_for_notices": "one field needs another",
    "file_empty": "what is in a list is its own affair",
    "name_column_missing": "what is in a list is its own affair",
    "unknown_column": "which columns the list has",
    "no_sheets": "what is in a list is its own affair",
    "unknown_sheet": "what is in a list is its own affair",
    "unknown_view": "which views the practice has",
    "not_in_criteria": "which fields the practice has",
    "not_multi_valued": "which fields the practice has",
    "not_countable": "which fields the practice has",
    "not_sortable": "which fields the practice has",
    "field_mapped_twice": "two columns of a list are compared",
    "malformed_instant": "which days the calendar has",
}

_changes = 0


_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MACHINE = "application/vnd.openxmlformats-officedocument.spreadsheetml."
# What a workbook of one sheet consists of (ECMA-376, part 1, 12.2 and part 2, 7); the sheet comes to it.
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
    f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
    f'ContentType="{_MACHINE}sheet.main+xml"/><Override PartName="/xl/sheet.xml" ContentType="{_MACHINE}worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_SHEETS}" xmlns:r="{_OFFICE}"><sheets><sheet name="Clients" sheetId="1" r:id="s"/>'
    "</sheets></workbook>",
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="s" '
    f'Type="{_OFFICE}/worksheet" Target="sheet.xml"/></Relationships>',
}


@schemathesis.serializer(f"{_MACHINE}sheet")
def workbook(context, value):
    """What was drawn stands as the one name in a workbook; what is wrong on purpose goes as it is."""
    drawn = value if isinstance(value, bytes) else str(value).encode(errors="replace")
    meta = context.case.meta
    if meta is not None and not meta.generation.mode.is_positive:
        return drawn
    cells = ("Naam", drawn.hex())
    rows = "".join(f'<row><c t="inlineStr"><is><t>{cell}</t></is></c></row>' for cell in cells)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        for name, part in _PARTS.items():
            package.writestr(name, part)
        package.writestr("xl/sheet.xml", f'<worksheet xmlns="{_SHEETS}"><sheetData>{rows}</sheetData></worksheet>')
    return file.getvalue()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Revokes every key but the one in use; gives every other change the tag that is current."""
    global _changes
    if KEY is None:
        return
    # Otherwise the rest of the run would be signed out. To revoke a key is tried on all the keys that the run makes.
    if case.operation.path.endswith("/revocation") and case.path_parameters.get("id") == KEY_ID:
        case.path_parameters["id"] = NO_KEY_ID
    # A drawn tag is nearly always stale, and would hide what lies behind it. A header wrong on purpose stays so.
    if case.method.upper() in ("PATCH", "PUT") and "If-Match" in (case.headers or {}) and not _negates_headers(case):
        _changes += 1
        tag = _current_tag(case) if _changes % 2 else None
        if tag is not None:
            case.headers["If-Match"] = tag


def _negates_headers(case):
    components = case.meta.components if case.meta is not None else {}
    return any(place.value == "header" and info.mode.is_negative for place, info in components.items())


def _current_tag(case):
    place = case.as_transport_kwargs(base_url=case.operation.base_url)["url"]
    request = urllib.request.Request(place, headers={"Authorization": f"Bearer {KEY}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.headers.get("ETag")
    except (urllib.error.HTTPError, ValueError):
        return None


class RefusedWellFormed(Failure):
    """A field was refused for something that the description could have said."""


@schemathesis.check
def refusal_described(ctx, response, case):
    """A request that fits the description is refused with 422 only for what no description can say."""
    if response.status_code != 422 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    problem = json.loads(response.content)
    told = [error for error in problem["errors"] if error["code"] not in MEANINGS]
    if told or not problem["errors"]:
        named = "\n".join(f"{error['pointer']}: {error['code']} {error['params']}" for error in told)
        raise RefusedWellFormed(
            operation=case.operation.label,
            title="Refused although it fits the description",
            message=f"The description lets through what the API refuses:\n{named}",
        )
