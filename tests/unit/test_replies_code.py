"""What the workflow `replies` makes of a message in Chatwoot, case by case, in a real Node.js."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.unit.node_code import run_code
from tests.unit.support import REPOSITORY

Json = dict[str, Any]
CODE = REPOSITORY / "files/n8n/workflows/05-chatwoot-whatsapp-replies"
ANA = "5531987654321@s.whatsapp.net"
OUTGOING, TEMPLATE = 1, 3
MEGABYTE = 2**20


def message(**values: object) -> Json:
    """What Chatwoot's API shows of an agent's reply, unless told otherwise."""
    return {
        "id": 42,
        "content": "Hi",
        "inbox_id": 7,
        "message_type": OUTGOING,
        "content_type": "text",
        "status": "sent",
        "content_attributes": {},
        "created_at": int(time.time()),
        "private": False,
        "source_id": None,
        **values,
    }


def conversation(place: str | None = ANA, **person: object) -> Json:
    sender = {"id": 3, "identifier": ANA, "phone_number": "+5531987654321", **person}
    latest = {"conversation": {"contact_inbox": {"source_id": place}}}
    return {
        "id": 7,
        "uuid": "c0ffee",
        "meta": {"sender": sender},
        "last_non_activity_message": latest,
    }


def attachment(name: str, kind: str = "file", size: int = 1000) -> Json:
    url = f"https://chatwoot.example.com/rails/active_storage/blobs/redirect/x--y/{name}"
    return {"id": 1, "file_type": kind, "data_url": url, "file_size": size}


# --- Which messages go out ---------------------------------------------------------------------

LONG_AGO = int(time.time()) - 26 * 3600
TO_SEND: dict[str, tuple[Json, bool]] = {
    "a reply": (message(), True),
    "a greeting": (message(message_type=TEMPLATE, sender=None), True),
    "a survey": (message(message_type=TEMPLATE, content_type="input_csat"), True),
    "in another inbox": (message(inbox_id=8), True),  # to be marked as failed
    "of before the last day": (message(created_at=LONG_AGO), False),
    "a customer's": (message(message_type=0), False),
    "an activity": (message(message_type=2), False),
    "a private note": (message(private=True), False),
    "one that came in otherwise": (message(source_id="WAID:3EB0"), False),
    "sent already": (message(status="delivered"), False),
    "read": (message(status="read"), False),
    "failed, and not tried again": (message(status="failed"), False),
    "deleted": (message(content_attributes={"deleted": True}), False),
    "none that Chatwoot knows": (message(id=41), False),
}


@pytest.mark.parametrize("name", TO_SEND)
def test_a_message_goes_out_while_it_is_to_be_sent(name: str) -> None:
    one, goes = TO_SEND[name]
    found = run_code(
        CODE / "message-to-send.js",
        input={"payload": [message(id=40, content="before"), one]},
        nodes={"From Chatwoot": {"body": {"id": 42, "message_type": "outgoing"}}},
    )
    assert found == ([{"json": one}] if goes else [])


# --- Its words ---------------------------------------------------------------------------------

WORDS = {
    "**Total:** R$ 10\\\nPrazo: *2 dias*\\\n[site](https://loja.example/x)\\\n2 \\* 5": (
        "*Total:* R$ 10\nPrazo: _2 dias_\nsite: https://loja.example/x\n2 * 5"
    ),
    # emphasis
    "**b** *i* _i_ __b__ ~~s~~ ~s~": "*b* _i_ _i_ *b* ~s~ ~s~",
    "***both*** and ___both___": "*_both_* and *_both_*",
    "**bold *italic* bold**": "*bold _italic_ bold*",
    "**bold *italic***": "*bold _italic_*",
    "*italic **bold***": "_italic *bold*_",
    "***bold** italic*": "_*bold* italic_",
    "**~~gone~~**": "*~gone~*",
    "**two\nlines**": "*two*\n*lines*",
    "(**b**), “*i*”! **c**.": "(*b*), “_i_”! *c*.",
    "**Ação** 👍 *já*": "*Ação* 👍 _já_",
    "**👍**": "*👍*",
    # what only looks like it
    "2 * 3 * 4 and 2*3*4": "2 * 3 * 4 and 2*3*4",
    "** not bold ** * nor that *": "** not bold ** * nor that *",
    "snake_case_name and __init__": "snake_case_name and *init*",
    "a**b**c": "a**b**c",
    "5* and *obrigatório": "5* and *obrigatório",
    "one *\n\ntwo*": "one *\n\ntwo*",
    "**a\n\nb**": "**a\n\nb**",
    # escapes and line ends
    "\\*stars\\* \\_lines\\_ \\# 1\\. \\[x\\]": "*stars* _lines_ # 1. [x]",
    "C:\\\\dir \\ back \\n": "C:\\dir \\ back \\n",
    "one\\\ntwo\\": "one\ntwo\\",
    "**a\\*b**": "*a*b*",
    # links
    "[https://x.test/a](https://x.test/a)": "https://x.test/a",
    "[x.test](https://x.test/)": "https://x.test/",
    "[](https://x.test/)": "https://x.test/",
    "<https://x.test/a_b_c>": "https://x.test/a_b_c",
    "<ana@x.test>": "ana@x.test",
    "[ana@x.test](mailto:ana@x.test)": "ana@x.test",
    "[call](tel:+5531987654321)": "call: +5531987654321",
    '[site](https://x.test "a title")': "site: https://x.test",
    "**[site](https://x.test/_a_)**": "*site: https://x.test/_a_*",
    "[**site**](https://x.test)": "*site*: https://x.test",
    "[a](https://x.test/a_(b)) [c](https://y.test)": "a: https://x.test/a_(b) c: https://y.test",
    "![photo](https://x.test/p.png)": "photo: https://x.test/p.png",
    "[@Rui](mention://user/1/Rui) sees it": "@Rui sees it",
    "[not a link] (really) [nor this]()": "[not a link] (really) [nor this]()",
    "https://x.test/*a*/_b_/**c** *d*": "https://x.test/*a*/_b_/**c** _d_",
    "**https://x.test/a_b**": "*https://x.test/a_b*",
    "see (https://x.test/a_b_), *now*": "see (https://x.test/a_b_), _now_",
    "a_b@x.test, first_last_@x.test": "a_b@x.test, first_last_@x.test",
    # lists, headings, quotations
    "* one\n* *two*\n  + three\n- four": "- one\n- _two_\n  - three\n- four",
    "1) one\n2. **two**": "1. one\n2. *two*",
    "# Hours\n## **Closed** on *Sunday* ##\n#1": "*Hours*\n*Closed on _Sunday_*\n#1",
    "> said **he**": "> said *he*",
    # code
    "`**a** \\* [b](c)` **d**": "`**a** \\* [b](c)` *d*",
    "``a ` *b*`` *c*": "``a ` *b*`` _c_",
    "```js\nlet a = **b**;\n\n* c\n```\n**d**": "```\nlet a = **b**;\n\n* c\n```\n*d*",
    "\\`*not code*\\`": "`_not code_`",
    "a ` alone *i*": "a ` alone _i_",
    # nothing of that
    "<b>&amp;</b> {{ x }} ${y} $1 $&": "<b>&amp;</b> {{ x }} ${y} $1 $&",
    "  spaces \t tabs  \n\n\nlines ": "  spaces \t tabs  \n\n\nlines ",
    "مرحبا *عالم* שלום": "مرحبا _عالم_ שלום",
}


@pytest.mark.parametrize("written", WORDS)
def test_markdown_becomes_what_whatsapp_shows(written: str) -> None:
    (item,) = run_code(CODE / "words-for-whatsapp.js", input=message(content=written), nodes={})
    assert item["json"] == message(content=WORDS[written]) | {
        "created_at": item["json"]["created_at"]
    }


def test_a_message_without_words_and_a_long_one_pass() -> None:
    (item,) = run_code(CODE / "words-for-whatsapp.js", input=message(content=None), nodes={})
    assert item["json"]["content"] is None
    hard = "**a *b _c ~~d [e](f `g " * 5000
    began = time.monotonic()
    (item,) = run_code(CODE / "words-for-whatsapp.js", input=message(content=hard), nodes={})
    assert item["json"]["content"]
    assert time.monotonic() - began < 5


# --- Its parts ---------------------------------------------------------------------------------


def split(one: Json, where: Json | None = None, *others: Json) -> list[Json]:
    items = run_code(
        CODE / "split-into-parts.js",
        input=where or conversation(),
        nodes={
            "Words for WhatsApp": one,
            "Message in Chatwoot": {"payload": [*others, one]},
        },
    )
    return [item["json"] for item in items]


def text_part(text: str, number: str = ANA, **more: object) -> Json:
    body = {"number": number, "text": text, "linkPreview": False, "delay": 0, **more}
    return {"instance": "support", "call": "sendText", "body": body}


def test_a_text_is_one_part() -> None:
    assert split(message()) == [text_part("Hi")]


def test_a_survey_takes_its_address_along() -> None:
    """Chatwoot keeps the words alone; the address it adds where it hands the message out."""
    survey = message(message_type=TEMPLATE, content_type="input_csat", content="Rate us")
    link = "https://chatwoot.example.com/survey/responses/c0ffee"
    assert split(survey) == [text_part(f"Rate us {link}")]


LID = "123456789012345@lid"
ADDRESSES: dict[str, tuple[Json, str]] = {
    "where the customer wrote": (conversation(), ANA),
    "the contact's address": (conversation("a-uuid"), ANA),
    "the address before the number": (
        conversation("a-uuid", identifier="553187654321@s.whatsapp.net"),
        "553187654321@s.whatsapp.net",
    ),
    "begun by an agent": (conversation("a-uuid", identifier=None), "5531987654321"),
    "hidden, with a number": (conversation(LID, identifier=LID), "5531987654321"),
    "hidden": (conversation(LID, identifier=LID, phone_number=None), LID),
    "an identifier of the operator's own": (
        conversation("a-uuid", identifier="customer-17"),
        "5531987654321",
    ),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_answer_goes_to(name: str) -> None:
    where, number = ADDRESSES[name]
    assert split(message(), where) == [text_part("Hi", number)]


def test_several_files_go_one_by_one_and_the_first_carries_the_words() -> None:
    files = [attachment("a%20b.png", "image"), attachment("c.pdf"), attachment("d.mp4", "video")]
    parts = split(message(content="Look", attachments=files))
    assert [one["body"] for one in parts] == [
        {"number": ANA, "mediatype": "image", "fileName": "a b.png", "caption": "Look"},
        {"number": ANA, "mediatype": "document", "fileName": "c.pdf", "caption": ""},
        {"number": ANA, "mediatype": "video", "fileName": "d.mp4", "caption": ""},
    ]
    assert parts[1]["url"] == "http://chatwoot:3000/rails/active_storage/blobs/proxy/x--y/c.pdf"


def test_recorded_audio_is_a_voice_message_and_words_go_before_it() -> None:
    parts = split(message(attachments=[attachment("note.ogg", "audio"), attachment("c.pdf")]))
    assert [one["call"] for one in parts] == ["sendText", "sendWhatsAppAudio", "sendMedia"]
    assert parts[1]["body"] == {"number": ANA}


QUESTION = message(id=41, message_type=0, content="Tem azul?", source_id="WAID:3EB0TRIAL0002")
ABOUT = {"in_reply_to": 41, "in_reply_to_external_id": "WAID:3EB0TRIAL0002"}
QUOTED_KEY = {"id": "3EB0TRIAL0002", "remoteJid": ANA, "fromMe": False}
WORDS_QUOTED = {"key": QUOTED_KEY, "message": {"conversation": "Tem azul?"}}
QUOTES: dict[str, tuple[Json, list[Json], Json | None]] = {
    "a question": (
        ABOUT,
        [QUESTION],
        WORDS_QUOTED,
    ),
    "a question that quotes": (
        ABOUT,
        [QUESTION | {"content": "> Which?\n> One?\n\nTem azul?"}],
        WORDS_QUOTED,
    ),
    "a picture": (
        ABOUT,
        [QUESTION | {"attachments": [attachment("a.png", "image")]}],
        {"key": {"id": "3EB0TRIAL0002"}},
    ),
    "what was long ago": (ABOUT, [], {"key": {"id": "3EB0TRIAL0002"}}),
    "what an agent wrote": ({"in_reply_to": 41, "in_reply_to_external_id": None}, [QUESTION], None),
    "nothing": ({}, [QUESTION], None),
}


@pytest.mark.parametrize("name", QUOTES)
def test_a_reply_to_a_certain_message_quotes(name: str) -> None:
    attributes, others, quoted = QUOTES[name]
    more = {"quoted": quoted} if quoted else {}
    assert split(message(content_attributes=attributes), None, *others) == [text_part("Hi", **more)]


def test_the_first_part_alone_quotes() -> None:
    files = [attachment("a.png", "image"), attachment("c.pdf")]
    parts = split(message(content_attributes=ABOUT, attachments=files), None, QUESTION)
    assert [one["body"].get("quoted", {}).get("key") for one in parts] == [QUOTED_KEY, None]


PROBLEMS: dict[str, tuple[Json, Json, str]] = {
    "another inbox": (
        message(inbox_id=8),
        conversation(),
        "This inbox is no longer the one of WhatsApp: nothing was sent. Write in the other one.",
    ),
    "no number": (
        message(),
        conversation("a-uuid", identifier=None, phone_number=None),
        "The contact has no WhatsApp number.",
    ),
    "nothing in it": (
        message(content=None),
        conversation(),
        "There is nothing in it that WhatsApp can carry.",
    ),
    "a file too large, behind one that is not": (
        message(attachments=[attachment("a.pdf"), attachment("planta.pdf", size=40 * MEGABYTE)]),
        conversation(),
        "Nothing was sent: planta.pdf has 40.0 MB, and 24 MB is the most that goes to WhatsApp.",
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_cannot_be_sent_is_said_before_anything_is(name: str) -> None:
    one, where, why = PROBLEMS[name]
    assert split(one, where) == [{"problem": why}]


def test_a_file_of_the_size_that_may_be_is_sent() -> None:
    (part,) = split(message(content=None, attachments=[attachment("a.pdf", size=24 * MEGABYTE)]))
    assert part["call"] == "sendMedia"


# --- What the agent is told --------------------------------------------------------------------

NOT_THERE = {"jid": ANA, "exists": False, "number": "5531987654321"}
OUTCOMES: dict[str, tuple[Json, str, Json]] = {
    "taken": ({"statusCode": 201, "body": {}}, "More to send?", {"status": "delivered"}),
    "refused": (
        {"statusCode": 400, "body": {"response": {"message": [NOT_THERE]}}},
        "More to send?",
        {"status": "failed", "external_error": "WhatsApp: 5531987654321 is not on WhatsApp (400)"},
    ),
    "a schema's error, in two arrays": (
        {"statusCode": 400, "body": {"response": {"message": [["text is wrong", "so is number"]]}}},
        "More to send?",
        {"status": "failed", "external_error": "WhatsApp: text is wrong; so is number (400)"},
    ),
    "a problem": (
        {"problem": "Too large."},
        "Anything to send?",
        {"status": "failed", "external_error": "Too large."},
    ),
    "no Evolution": (
        {"error": "ECONNREFUSED"},
        "Evolution there?",
        {"status": "failed", "external_error": "Evolution API cannot be reached"},
    ),
    "no answer": (
        {"error": "timeout"},
        "More to send?",
        {
            "status": "failed",
            "external_error": "WhatsApp gave no answer: it may or may not have been sent",
        },
    ),
    "no file": (
        {"error": "404"},
        "Download",
        {"status": "failed", "external_error": "The file could not be read from Chatwoot"},
    ),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_agent_is_told(name: str) -> None:
    answer, previous, mark = OUTCOMES[name]
    nodes = {"Conversation in Chatwoot": conversation()}
    (item,) = run_code(CODE / "outcome.js", input=answer, nodes=nodes, previous=previous)
    assert item["json"] == {"mark": mark}


SHORT = "553187654321@s.whatsapp.net"


@pytest.mark.parametrize(
    ("identifier", "said", "kept"),
    [(None, SHORT, SHORT), (None, LID, LID), (ANA, SHORT, None), (None, "0055", None)],
)
def test_where_whatsapp_has_somebody_is_kept_of_those_who_never_wrote(
    identifier: str | None, said: str, kept: str | None
) -> None:
    answer = {"statusCode": 201, "body": {"key": {"remoteJid": said}}}
    nodes = {"Conversation in Chatwoot": conversation("a-uuid", identifier=identifier)}
    (item,) = run_code(CODE / "outcome.js", input=answer, nodes=nodes)
    assert item["json"].get("address") == kept


def test_a_file_goes_as_it_is_and_not_as_text() -> None:
    """Evolution 2.3 takes no base64 of more than some 3 MB: its test of it overflows the stack."""
    workflow = json.loads((CODE.with_suffix(".json")).read_text())
    (node,) = [one for one in workflow["nodes"] if one["name"] == "Send file"]
    assert node["parameters"]["contentType"] == "multipart-form-data"
    fields = [one["name"] for one in node["parameters"]["bodyParameters"]["parameters"]]
    assert fields[:5] == ["file", "number", "mediatype", "fileName", "caption"]


# --- What takes long ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    ["\n" * 65_536, "[a](" + " " * 65_536, "[a](b" + " " * 65_536, "\r" * 65_536],
    ids=["lines", "an address of blanks", "a title of blanks", "carriage returns"],
)
def test_a_long_reply_goes_out_at_once(written: str) -> None:
    began = time.monotonic()
    (item,) = run_code(CODE / "words-for-whatsapp.js", input=[{"json": message(content=written)}])
    assert time.monotonic() - began < 1
    assert item["json"]["content"] == written


def test_why_it_failed_ends_with_a_whole_character() -> None:
    """Chatwoot refuses half of one, and the agent would be told nothing."""
    (item,) = run_code(
        CODE / "outcome.js",
        input=[{"json": {"statusCode": 400, "body": {"message": "a" + "😀" * 300}}}],
        nodes={"Conversation in Chatwoot": [{"json": conversation()}]},
    )
    assert "\\ud83d" not in ascii(item["json"]["mark"]["external_error"])
