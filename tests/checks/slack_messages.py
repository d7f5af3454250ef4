"""Checks everything that the bot posted in Slack against slack_sdk's block models and the limits of Slack's reference.

Slack counts characters as JavaScript does, in UTF-16 units, so an emoji is two. The limits are those of
https://docs.slack.dev/reference/block-kit/ and https://docs.slack.dev/reference/methods/.
"""

import collections
import json
import re

import slack_sdk.version
from slack_sdk.models.blocks import Block

from recorded import Findings

# Text of a message, of an edit, and blocks of a message.
LONGEST_TEXT, LONGEST_EDIT, MOST_BLOCKS = 40_000, 4_000, 50
FIELDS = {
    "section": {"text", "fields", "accessory", "expand"},
    "header": {"text", "level"},
    "context": {"elements"},
    "actions": {"elements"},
    "divider": set(),
    "table": {"rows", "column_settings"},
    "rich_text": {"elements"},
    "markdown": {"text"},
}
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Characters that change the direction of text.
BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
# What mrkdwn allows between < and >.
REFERENCE = re.compile(
    r"@[UW][A-Z0-9]+(\|[^|]*)?|#C[A-Z0-9]+(\|[^|]*)?|!subteam\^S[A-Z0-9]+(\|[^|]*)?|!date\^\d+\^[^|]+\|.*|https?://[^|]+(\|.+)?"
)


def units(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check(lines):
    """(findings, figures) of recorded lines."""
    findings, kinds, largest, ways = Findings(), collections.Counter(), collections.Counter(), collections.Counter()
    unique = set()
    for line in lines:
        fields, way = line["fields"], line["way"]
        ways[way] += 1
        if way == "chat.delete" or fields.get("delete_original"):
            continue
        text, blocks = fields.get("text") or "", fields.get("blocks") or []
        content = json.dumps([way == "chat.update", text, blocks])
        if content in unique:
            continue
        unique.add(content)
        for where, what, example in message(way, text, blocks, largest):
            findings.add(where, what, example)
        kinds.update(block.get("type") for block in blocks if isinstance(block, dict))
    figures = {
        "messages": len(lines),
        "unique": len(unique),
        "blocks": sum(kinds.values()),
        "findings": len(findings),
        "slack_sdk": slack_sdk.version.__version__,
    }
    return findings, figures, kinds, largest, ways


def message(way, text, blocks, largest):
    largest["text"] = max(largest["text"], units(text))
    largest["blocks"] = max(largest["blocks"], len(blocks))
    if not text and not blocks:
        yield way, "neither text nor blocks", ""
    escaped = len(text.encode())
    if way == "chat.update" and escaped > LONGEST_EDIT:
        yield way, f"the text of an edit is longer than {LONGEST_EDIT}", escaped
    if units(text) > LONGEST_TEXT:
        yield way, f"the text is longer than {LONGEST_TEXT}", units(text)
    if len(blocks) > MOST_BLOCKS:
        yield way, f"more than {MOST_BLOCKS} blocks", len(blocks)
    yield from mrkdwn("text", text)
    ids = [block.get("block_id") for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        yield way, "a block_id is there twice", ids
    actions = [element.get("action_id") for element in elements(blocks) if "action_id" in element]
    if len(actions) != len(set(actions)):
        yield way, "an action_id is there twice", actions
    for block in blocks:
        yield from block_problems(block, largest)


def elements(blocks):
    for block in blocks:
        inner = block.get("elements") if block.get("type") == "actions" else None
        yield from inner or []
        if isinstance(block.get("accessory"), dict):
            yield block["accessory"]


def block_problems(block, largest):
    kind = block.get("type")
    if kind not in FIELDS:
        yield "blocks", f"a block of a kind that is not checked: {kind}", block
        return
    unknown = set(block) - FIELDS[kind] - {"type", "block_id"}
    if unknown:
        yield kind, f"unknown fields: {sorted(unknown)}", block
    if units(block.get("block_id") or "") > 255:
        yield kind, "a block_id is longer than 255", block["block_id"]
    yield from by_slack_sdk(kind, block)
    if kind == "section":
        if "text" not in block and "fields" not in block:
            yield kind, "neither text nor fields", block
        yield from text_object(kind, block.get("text"), 3000, largest, is_optional=True)
        if "fields" in block and not 1 <= len(block["fields"]) <= 10:
            yield kind, "not 1 to 10 fields", len(block["fields"])
        for field in block.get("fields", []):
            yield from text_object(f"{kind}.fields", field, 2000, largest)
    elif kind == "header":
        yield from text_object(kind, block.get("text"), 150, largest, only="plain_text")
    elif kind == "context":
        if not 1 <= len(block.get("elements", [])) <= 10:
            yield kind, "not 1 to 10 elements", block
        for element in block.get("elements", []):
            if element.get("type") != "image":
                yield from text_object(kind, element, 3000, largest)
    elif kind == "actions":
        if not 1 <= len(block.get("elements", [])) <= 25:
            yield kind, "not 1 to 25 elements", block
    elif kind == "table":
        yield from table(block, largest)
    for element in elements([block]):
        yield from button(element, largest)


def by_slack_sdk(kind, block):
    """The models check lengths and enums, and must return their input unchanged."""
    try:
        model = Block.parse(block)
        if model is None:
            yield kind, "slack_sdk knows no such block", block
            return
        model.validate_json()
        given, back = json.dumps(block, sort_keys=True), json.dumps(model.to_dict(), sort_keys=True)
    except Exception as error:  # slack_sdk raises errors of several kinds
        yield kind, f"slack_sdk: {type(error).__name__}: {error}", block
        return
    if given != back:
        yield kind, "slack_sdk gives back another block", (given, back)


def text_object(where, given, longest, largest, only=None, is_optional=False):
    if given is None:
        if not is_optional:
            yield where, "a text is missing", ""
        return
    kind, text = given.get("type"), given.get("text", "")
    largest[where] = max(largest[where], units(text))
    if kind not in ("mrkdwn", "plain_text") or (only and kind != only):
        yield where, f"a text of the wrong kind: {kind}", given
    allowed = {"type", "text", "verbatim"} if kind == "mrkdwn" else {"type", "text", "emoji"}
    if set(given) - allowed:
        yield where, f"unknown fields of a text: {sorted(set(given) - allowed)}", given
    if not text.strip():
        yield where, "a blank text", given
    if units(text) > longest:
        yield where, f"longer than {longest}", units(text)
    if kind == "mrkdwn":
        yield from mrkdwn(where, text)
        if not given.get("verbatim"):
            yield where, "mrkdwn that is not verbatim: Slack would make links of names in it", text
    yield from characters(where, text)


def characters(where, text):
    if CONTROL.search(text):
        yield where, "a control character", repr(text)
    if BIDI.search(text):
        yield where, "a character that turns the direction of reading", repr(text)


def mrkdwn(where, text):
    for inner in re.findall(r"<([^<>]*)>", text):
        if not REFERENCE.fullmatch(inner):
            yield where, "something between < and > that is no reference", inner
    rest = re.sub(r"<[^<>]*>", "", text)
    if "<" in rest or re.search(r"&(?!(amp|lt|gt);)", text):
        yield where, "a sign that is not escaped", text


def button(element, largest):
    if element.get("type") != "button":
        yield "actions", f"an element of a kind that is not checked: {element.get('type')}", element
        return
    yield from text_object("button", element.get("text"), 75, largest, only="plain_text")
    value = element.get("value", "")
    largest["button.value"] = max(largest["button.value"], units(value))
    if not 1 <= units(element.get("action_id") or "") <= 255:
        yield "button", "an action_id is not 1 to 255 long", element
    if units(value) > 2000 or ("value" in element and not value):
        yield "button", "a value is not 1 to 2000 long", value
    if units(element.get("url", "")) > 3000:
        yield "button", "a url is longer than 3000", element["url"]
    if element.get("style") not in (None, "primary", "danger"):
        yield "button", "an unknown style", element["style"]
    confirm = element.get("confirm")
    if confirm:
        for part, longest in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            yield from text_object(f"confirm.{part}", confirm.get(part), longest, largest)


def table(block, largest):
    rows = block.get("rows", [])
    if not 1 <= len(rows) <= 100 or any(not 1 <= len(row) <= 20 for row in rows):
        yield "table", "not 1 to 100 rows of 1 to 20 cells", len(rows)
    if len({len(row) for row in rows}) > 1:
        yield "table", "rows of different lengths", [len(row) for row in rows]
    texts = [text for row in rows for cell in row for text in leaves(cell)]
    total = sum(map(units, texts))
    largest["table"] = max(largest["table"], total)
    if total > 10_000:
        yield "table", "longer than 10000", total
    for text in texts:
        yield from characters("table", text)


def leaves(value):
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for inner in value.values():
            if isinstance(inner, (dict, list)):
                yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
