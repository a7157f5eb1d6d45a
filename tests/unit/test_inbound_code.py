"""What the code of the inbound workflow makes of what customers send: each kind is a row.

One that is not read reaches agents as a line that says so, and the order or the address in it is
lost.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.unit.node_code import run_code
from tests.unit.support import REPOSITORY

CODE = REPOSITORY / "files/n8n/workflows/04-whatsapp-chatwoot-integration"
ANA = "5531987654321@s.whatsapp.net"
SHORT = "553187654321@s.whatsapp.net"
LID = "123456789012345@lid"
OURS = "5511999990000@s.whatsapp.net"
Json = dict[str, Any]


def read(
    message: Json | None = None,
    *,
    event: str = "messages.upsert",
    data: Json | None = None,
    looked: Json | None = None,
    locale: str = "en",
    key: Json | None = None,
    instance: str = "support",
    **more: Any,  # noqa: ANN401 - whatever else Evolution API says of a message
) -> Json:
    """What "Read message" makes of an event; `looked` is the answer of "Find the original"."""
    told = {
        "key": {"remoteJid": ANA, "fromMe": False, "id": "3EB0A", **(key or {})},
        "pushName": "Ana",
        "message": message,
        "messageType": next(iter(message or {}), None),
        "messageTimestamp": 1760000000,
        **more,
    }
    given = told if data is None else data
    body = {"event": event, "instance": instance, "data": given, "sender": OURS}
    (item,) = run_code(
        CODE / "read-message.js",
        input=[{"json": looked or {}}],
        nodes={"From WhatsApp": [{"json": {"body": body}}]},
        marks={"@@LOCALE@@": locale},
    )
    found: Json = item["json"]
    return found


def text(message: Json, **more: Any) -> str:  # noqa: ANN401 - passed on to read
    return str(read(message, **more)["text"])


IMAGE = {"imageMessage": {"mimetype": "image/jpeg", "fileLength": "2048"}}
HYDRATED = {
    "hydratedTitleText": "Pedido 4711",
    "hydratedContentText": "Saiu para entrega.",
    "hydratedFooterText": "Loja Exemplo",
    "hydratedButtons": [{"urlButton": {"displayText": "Ver", "url": "https://x.test/1"}}],
}
INTERACTIVE = {
    "header": {"title": "Orçamento"},
    "body": {"text": "Segue: R$ 120,00"},
    "footer": {"text": "vale 5 dias"},
    "nativeFlowMessage": {"buttons": [{"buttonParamsJson": '{"display_text":"Aceitar"}'}]},
}
FLOW = {"paramsJson": '{"id":"ok","flow_token":"x","cidade":"Recife","dias":2}'}
ORDER = {
    "orderId": "900001",
    "itemCount": 3,
    "message": "Quero estes três",
    "orderTitle": "Loja",
    "totalAmount1000": "89700",
    "totalCurrencyCode": "BRL",
}
PRODUCT = {
    "title": "Caneca azul",
    "description": "300 ml",
    "currencyCode": "BRL",
    "priceAmount1000": {"low": 29900, "high": 0, "unsigned": False},
    "productImage": {"mimetype": "image/png"},
}
POLL = {"name": "Que dia?", "options": [{"optionName": "Segunda"}, {"optionName": "Quarta"}]}
LIST = {
    "title": "Horários",
    "description": "Escolha",
    "sections": [{"title": "Quinta", "rows": [{"title": "Manhã", "description": "8 às 12 h"}]}],
}
EVENT = {
    "name": "Entrega",
    "startTime": "1760000000",
    "location": {"degreesLatitude": -8.05, "degreesLongitude": -34.9, "name": "Loja"},
    "description": "Trazer nota",
}
PAYMENT = {
    "amount": {"value": "12990", "offset": 100, "currencyCode": "BRL"},
    "noteMessage": {"extendedTextMessage": {"text": "pedido 7"}},
}
BUTTONS = {"contentText": "Confirma?", "buttons": [{"buttonText": {"displayText": "Sim"}}]}
CARD = {"displayName": "Rui", "vcard": "BEGIN:VCARD\nFN:Rui\nTEL;waid=1:+351 911\nEND:VCARD"}
PLACE = {"degreesLatitude": -23.5, "degreesLongitude": -46.6, "name": "Loja", "address": "Rua A"}
MAP = "https://www.google.com/maps?q=-23.5,-46.6"

WORDS: dict[str, tuple[Json, str]] = {
    "text": ({"conversation": "Oi"}, "Oi"),
    "text with a preview": ({"extendedTextMessage": {"text": "Oi"}}, "Oi"),
    "place": ({"locationMessage": PLACE}, f"Loja\nRua A\n{MAP}"),
    "moving place": ({"liveLocationMessage": {**PLACE, "caption": "vou"}}, "vou"),
    "card": ({"contactMessage": CARD}, "Rui\n+351 911"),
    "cards": ({"contactsArrayMessage": {"contacts": [CARD, CARD]}}, "Rui\n+351 911\n\nRui"),
    "answer to buttons": ({"buttonsResponseMessage": {"selectedDisplayText": "Sim"}}, "Sim"),
    "answer to buttons without words": ({"buttonsResponseMessage": {"selectedButtonId": "y"}}, "y"),
    "answer to a template": ({"templateButtonReplyMessage": {"selectedDisplayText": "Já"}}, "Já"),
    "answer to a list": (
        {"listResponseMessage": {"title": "Entrega na quinta", "description": "das 8 às 12 h"}},
        "Entrega na quinta – das 8 às 12 h",
    ),
    "answer to a form": (
        {
            "interactiveResponseMessage": {
                "body": {"text": "Aceito"},
                "nativeFlowResponseMessage": FLOW,
            }
        },
        "Aceito\ncidade: Recife\ndias: 2",
    ),
    "buttons": ({"buttonsMessage": BUTTONS}, "Confirma?\n- Sim"),
    "list": ({"listMessage": LIST}, "Horários\nEscolha\nQuinta\n- Manhã – 8 às 12 h"),
    "template": (
        {"templateMessage": {"hydratedTemplate": HYDRATED}},
        "Pedido 4711\nSaiu para entrega.\nLoja Exemplo\n- Ver: https://x.test/1",
    ),
    "template of four rows": ({"templateMessage": {"hydratedFourRowTemplate": HYDRATED}}, "4711"),
    "template with a native body": (
        {"templateMessage": {"interactiveMessageTemplate": INTERACTIVE}},
        "Orçamento\nSegue: R$ 120,00\nvale 5 dias\n- Aceitar",
    ),
    "interactive": (
        {"interactiveMessage": INTERACTIVE},
        "Orçamento\nSegue: R$ 120,00\nvale 5 dias",
    ),
    "carousel": (
        {"interactiveMessage": {"carouselMessage": {"cards": [INTERACTIVE, INTERACTIVE]}}},
        "- Aceitar\n\nOrçamento",
    ),
    "order": ({"orderMessage": ORDER}, "Quero estes três\nLoja, 3 items, R$ 89,70"),
    "product": (
        {"productMessage": {"product": PRODUCT, "body": "Tem esta?"}},
        "Caneca azul, R$ 29,90 – Tem esta?\n300 ml",
    ),
    "poll": ({"pollCreationMessageV3": POLL}, "📊 Que dia?\n- Segunda\n- Quarta"),
    "wrapped poll": (
        {"pollCreationMessageV4": {"message": {"pollCreationMessage": POLL}}},
        "Quarta",
    ),
    "vote": (
        {"pollUpdateMessage": {"vote": {"encPayload": "AAAA"}}},
        "[Voted in the poll; for what",
    ),
    "vote that is known": (
        {"pollUpdateMessage": {"vote": {"selectedOptions": ["Quarta"]}}},
        "[Voted in the poll: Quarta]",
    ),
    "event": (
        {"eventMessage": EVENT},
        "📅 Entrega\n2025-10-09 08:53:20 UTC\nLoja\n"
        "https://www.google.com/maps?q=-8.05,-34.9\nTrazer nota",
    ),
    "event called off": (
        {"eventMessage": {**EVENT, "isCanceled": True}},
        "[Cancelled]\n📅 Entrega",
    ),
    "answer to an event": ({"encEventResponseMessage": {"encPayload": "A"}}, "[Answered the inv"),
    "invitation to a group": (
        {"groupInviteMessage": {"groupName": "Obra", "caption": "Entra aí"}},
        "[Invitation to the group Obra]\nEntra aí",
    ),
    "sticker pack": ({"stickerPackMessage": {"name": "Gatos"}}, "[Sticker pack: Gatos]"),
    "payment": ({"sendPaymentMessage": PAYMENT}, "[Payment: R$ 129,90]\npedido 7"),
    "asks for a payment": ({"requestPaymentMessage": PAYMENT}, "[Asks for a payment: R$ 129,90]"),
    "kind of tomorrow": (
        {
            "holoMessage": {
                "title": "Olhe",
                "data": {"text": "isto", "id": "x"},
                "contextInfo": {"text": "n"},
            }
        },
        "[A WhatsApp message that cannot be shown here: holoMessage]\nOlhe\nisto",
    ),
    "nothing that can be read": (
        {"callLogMesssage": {"isVideo": True}},
        "cannot be shown here: callLog",
    ),
    "order of another shape": (
        {"orderMessage": {**ORDER, "totalCurrencyCode": "?"}},
        "cannot be shown here: orderMessage]\nQuero estes três",
    ),
    "list of another shape": (
        {"listMessage": {"title": "Horários", "sections": {"rows": [{"title": "Manhã"}]}}},
        "cannot be shown here: listMessage]\nHorários\nManhã",
    ),
    "edit that is encrypted": (
        {"secretEncryptedMessage": {"targetMessageKey": {"id": "3EB0OLD"}, "encPayload": "A"}},
        "[The message was edited; its new words are on the phone only]",
    ),
}
ONE_OF_THEM = {"carousel", "template of four rows", "wrapped poll", "moving place", "cards"}
WHOLE = {"text", "order", "poll", "answer to a list", "kind of tomorrow", "product", "buttons"}


@pytest.mark.parametrize("kind", WORDS)
def test_the_words_of_every_kind_arrive(kind: str) -> None:
    message, expected = WORDS[kind]
    found = text(message)
    assert expected in found
    assert kind not in WHOLE or found == expected
    assert kind in ONE_OF_THEM or found.startswith(expected) or "cannot be shown" in found


WRAPPERS = (
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "associatedChildMessage",
    "deviceSentMessage",
    "groupMentionedMessage",
    "botInvokeMessage",
    "statusMentionMessage",
    "aWrapperOfTomorrowMessage",
    "lottieStickerMessage",
)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_any_wrapper_is_taken_off(wrapper: str) -> None:
    assert text({wrapper: {"message": {"conversation": "Oi"}}}) == "Oi"
    nested = {wrapper: {"message": {"ephemeralMessage": {"message": IMAGE}}}}
    assert read(nested)["file"]["kind"] == "image"


PTT = {"mimetype": "audio/ogg; codecs=opus", "ptt": True}
FILES: dict[str, tuple[Json, str, str, str]] = {
    "picture": (IMAGE, "image", "image/jpeg", "image.jpg"),
    "video": ({"videoMessage": {"mimetype": "video/mp4"}}, "video", "video/mp4", "video.mp4"),
    "round video": ({"ptvMessage": {"mimetype": "video/mp4"}}, "video", "video/mp4", "video.mp4"),
    "voice": ({"audioMessage": PTT}, "audio", "audio/ogg", "audio.ogg"),
    "document": (
        {"documentMessage": {"mimetype": "application/pdf", "fileName": 'a"b.pdf'}},
        "document",
        "application/pdf",
        "a_b.pdf",
    ),
    "sticker": (
        {"stickerMessage": {"mimetype": "image/webp"}},
        "sticker",
        "image/webp",
        "sticker.webp",
    ),
    "moving sticker": (
        {"lottieStickerMessage": {"message": {"stickerMessage": {"mimetype": "application/was"}}}},
        "sticker",
        "application/was",
        "sticker.webp",
    ),
    "product": ({"productMessage": {"product": PRODUCT}}, "image", "image/png", "image.jpg"),
    "template": (
        {"templateMessage": {"hydratedTemplate": {**HYDRATED, **IMAGE}}},
        "image",
        "image/jpeg",
        "image.jpg",
    ),
    "interactive": (
        {"interactiveMessage": {**INTERACTIVE, "header": IMAGE}},
        "image",
        "image/jpeg",
        "image.jpg",
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_with_a_file_brings_it(kind: str) -> None:
    message, sort, mime_type, name = FILES[kind]
    found = read(message)["file"]
    assert (found["kind"], found["mimeType"], found["name"]) == (sort, mime_type, name)


def test_a_file_that_evolution_finds_by_itself_is_asked_for_by_its_id() -> None:
    by_id = {"key": {"id": "3EB0A"}}
    assert read(IMAGE)["file"]["ask"] == by_id
    assert read({"viewOnceMessageV2": {"message": IMAGE}})["file"]["ask"] == by_id


@pytest.mark.parametrize(
    "message",
    [
        {"associatedChildMessage": {"message": IMAGE}},
        {"templateMessage": {"hydratedTemplate": {**HYDRATED, **IMAGE}}},
    ],
)
def test_one_that_it_would_not_find_is_shown_to_it(message: Json) -> None:
    """Evolution API 2.2.3 takes four wrappers off, and looks at what is on top alone."""
    asked = read(message)["file"]["ask"]
    assert (asked["key"]["id"], asked["message"]) == ("3EB0A", IMAGE)


def test_an_album_is_its_pictures() -> None:
    assert read({"albumMessage": {"expectedImageCount": 2}})["ignored"] is True
    child = {"imageMessage": {**IMAGE["imageMessage"], "caption": "frente"}}
    found = read({"associatedChildMessage": {"message": child}})
    assert (found["text"], found["file"]["kind"]) == ("frente", "image")


@pytest.mark.parametrize(
    ("size", "line"),
    [
        (48 * 2**20, "[planta.pdf, 48 MB: too large to be brought here (up to 10 MB)"),
        (str(48 * 2**20), "[planta.pdf, 48 MB: too large"),
        ({"low": 0, "high": 1, "unsigned": True}, "[planta.pdf, 4096 MB: too large"),
        ({"low": -2147483648, "high": 0, "unsigned": True}, "[planta.pdf, 2048 MB: too large"),
        (11 * 2**20, "[planta.pdf, 11 MB: too large"),
        (10 * 2**20, ""),
        (None, ""),
    ],
)
def test_the_announced_size_decides_whether_a_file_is_fetched(size: object, line: str) -> None:
    document = {"mimetype": "application/pdf", "fileName": "planta.pdf", "fileLength": size}
    found = read({"documentMessage": document})
    assert found["text"].startswith(line)
    assert (found["file"] is None) == bool(line)
    captioned = read({"documentMessage": {**document, "caption": "veja"}})
    assert captioned["text"].startswith("veja")


# --- Changes of what was written -----------------------------------------------------------------

PROTOCOL = {
    "key": {"remoteJid": OURS, "fromMe": True, "id": "3EB0OLD"},
    "type": "MESSAGE_EDIT",
    "editedMessage": {"extendedTextMessage": {"text": "Rua das Flores, 120"}},
    "timestampMs": "1760000501000",
}


def test_an_edit_is_the_new_words_and_says_so() -> None:
    found = read({"editedMessage": {"message": {"protocolMessage": PROTOCOL}}})
    assert found["text"] == "[Edited message]\nRua das Flores, 120"
    assert (found["jid"], found["type"], found.get("file")) == (ANA, "incoming", None)
    assert found["target"]["sourceId"] == "WAID:3EB0OLD"


def test_the_same_edit_in_its_own_event_is_the_same_message_of_the_same_chat() -> None:
    """The key inside names the chat as its author sees it, that is, us."""
    looked = {
        "messages": {"records": [{"key": {"remoteJid": ANA, "fromMe": False, "id": "3EB0OLD"}}]}
    }
    alone = read(event="messages.edited", data=PROTOCOL, looked=looked)
    along = read({"editedMessage": {"message": {"protocolMessage": PROTOCOL}}})
    for field in ("jid", "text", "sourceId", "type", "target"):
        assert alone[field] == along[field], field


def test_an_edit_of_what_evolution_does_not_know_is_left_alone() -> None:
    found = read(event="messages.edited", data=PROTOCOL, looked={"messages": {"records": []}})
    assert found["ignored"] is True


def test_an_edited_caption_brings_no_second_picture() -> None:
    edit = {**PROTOCOL, "editedMessage": {"imageMessage": {"caption": "atrás"}}}
    found = read({"editedMessage": {"message": {"protocolMessage": edit}}})
    assert (found["text"], found.get("file")) == ("[Edited message]\natrás", None)


GONE = {"remoteJid": ANA, "fromMe": False, "id": "3EB0OLD"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"message": {"protocolMessage": {"key": GONE, "type": "REVOKE"}}},
            "Ana deleted a message",
        ),
        ({"message": {"protocolMessage": {"key": GONE, "type": 0}}}, "Ana deleted a message"),
        ({"event": "messages.delete", "data": GONE}, "The customer deleted a message"),
        (
            {"event": "messages.delete", "data": {**GONE, "fromMe": True}},
            "A message was deleted on the phone",
        ),
    ],
)
def test_a_deletion_is_a_line_at_that_message(given: Json, expected: str) -> None:
    found = read(**given)
    assert (found["text"], found["type"]) == (expected, "activity")
    assert found["sourceId"] == "WAID:3EB0OLD:deleted"
    assert found["target"]["sourceId"] == "WAID:3EB0OLD"


@pytest.mark.parametrize(
    ("name", "own", "reaction", "expected"),
    [
        ("Ana", False, "❤️", "Ana reacted: ❤️"),
        ("Ana", False, "", "Ana took a reaction back"),
        ("Loja", True, "👍", "Reacted on the phone: 👍"),
        # Chatwoot shows such a line as HTML.
        ("<b>A&B", False, "👍", "&lt;b&gt;A&amp;B reacted: 👍"),
    ],
)
def test_a_reaction_is_a_line_at_that_message(
    name: str, own: bool, reaction: str, expected: str
) -> None:
    message = {"reactionMessage": {"key": {"id": "3EB0OLD"}, "text": reaction}}
    found = read(message, pushName=name, key={"fromMe": own})
    assert (found["text"], found["type"]) == (expected, "activity")
    assert found["target"]["sourceId"] == "WAID:3EB0OLD"


def test_an_answer_quotes_and_points_at_what_it_answers() -> None:
    quoted = {"stanzaId": "3EB0OLD", "quotedMessage": {"conversation": "Qual *tamanho*?\nP ou M?"}}
    found = read({"conversation": "M"}, contextInfo=quoted)
    assert found["text"] == "> Qual **tamanho**?\n> P ou M?\n\nM"
    assert found["target"] == {"sourceId": "WAID:3EB0OLD", "words": "QualtamanhoPouM"}
    picture = {"stanzaId": "3EB0OLD", "quotedMessage": {"imageMessage": {"caption": "azul"}}}
    assert text({"extendedTextMessage": {"text": "esta", "contextInfo": picture}}) == (
        "> [picture]\n> azul\n\nesta"
    )


# --- What the owner writes on the phone ----------------------------------------------------------


def test_what_the_owner_writes_on_the_phone_goes_out_under_its_own_id() -> None:
    found = read({"conversation": "Já vai"}, key={"fromMe": True}, pushName="Loja Exemplo")
    assert (found["type"], found["text"], found["sourceId"]) == ("outgoing", "Já vai", "WAID:3EB0A")
    assert (found["jid"], found["name"], found["named"]) == (ANA, "+5531987654321", False)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{{contact.name}} 5%", "{% raw %}{{{% endraw %}contact.name}} 5%"),
        ("a {% if %}", "a {% raw %}{%{% endraw %} if %}"),
        ("`{{x}}` {{y}}", "`{{x}}` {% raw %}{{{% endraw %}y}}"),
    ],
)
def test_chatwoot_does_not_take_it_for_a_template(written: str, expected: str) -> None:
    assert text({"conversation": written}, key={"fromMe": True}) == expected
    assert text({"conversation": written}) == written


# --- Not for agents ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"event": "connection.update", "data": {}}, "event connection.update"),
        (
            {"message": {"conversation": "x"}, "key": {"remoteJid": "1203@g.us"}},
            "not a person: g.us",
        ),
        ({"message": {"conversation": "x"}, "key": {"remoteJid": "status@broadcast"}}, "broadcast"),
        ({"message": {"conversation": "x"}, "key": {"remoteJid": "1@newsletter"}}, "newsletter"),
        ({"message": {"conversation": "x"}, "key": {"id": None}}, "no sender or no id"),
        ({"message": {"protocolMessage": {"type": "EPHEMERAL_SETTING"}}}, "protocol message"),
        ({"message": {"conversation": "x"}, "key": {"remoteJid": OURS, "fromMe": True}}, "himself"),
        ({"message": {"pinInChatMessage": {"key": {"id": "x"}}}}, "protocol message"),
        ({"message": {"senderKeyDistributionMessage": {"groupId": "x"}}}, "protocol message"),
        (
            {
                "message": {"reactionMessage": {"key": {"id": "X"}, "text": "👍"}},
                "key": {"remoteJid": "1203@g.us"},
            },
            "g.us",
        ),
    ],
)
def test_what_is_no_conversation_with_a_customer_is_ignored(given: Json, why: str) -> None:
    found = read(**given)
    assert found["ignored"] is True
    assert why in found["why"]


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("pt_BR", "[Mensagem editada]\nRua das Flores, 120"),
        ("pt", "[Mensagem editada]\nRua das Flores, 120"),
        ("de", "[Edited message]\nRua das Flores, 120"),
    ],
)
def test_what_is_said_in_place_of_words_is_in_the_agents_language(
    locale: str, expected: str
) -> None:
    message = {"editedMessage": {"message": {"protocolMessage": PROTOCOL}}}
    assert text(message, locale=locale) == expected


# --- WhatsApp's marks and Markdown's -------------------------------------------------------------

MARKDOWN = {
    "bold": ("*Total:* R$ 10", "**Total:** R$ 10"),
    "italic": ("_2 dias_", "*2 dias*"),
    "struck": ("~R$ 20~", "~~R$ 20~~"),
    "both": ("*_já_* e _*já*_", "***já*** e ***já***"),
    "in brackets": ("(*x*), *y*!", "(**x**), **y**!"),
    "a sum": ("2*5*3 = 30; 2 * 5", "2\\*5\\*3 = 30; 2 * 5"),
    "not across lines": ("*a\nb* _c\nd_", "\\*a\nb\\* \\_c\nd\\_"),
    "underscores in words": ("foto_da_casa.jpg _x", "foto_da_casa.jpg \\_x"),
    "tilde": ("~50 e ~~x~~", "~50 e \\~\\~x\\~\\~"),
    "code": ("use `a*b*` e `", "use `a*b*` e \\`"),
    "code on one line": ("```a *b*``` fim", "```a *b*``` fim"),
    "code on many lines": ("veja ```a\n *b*``` fim", "veja \n```\na\n *b*\n```\n fim"),
    "list": ("- um\n* dois", "- um\n* dois"),
    "numbers": ("10. azul\n20) verde", "10\\. azul\n20\\) verde"),
    "number and date": ("1.5 kg em 12.10.", "1.5 kg em 12.10."),
    "no heading": ("# 1\n#2", "\\# 1\n#2"),
    "no rule": ("a\n---\nb\n===\n***", "a\n\\---\nb\n\\===\n\\*\\*\\*"),
    "no table": ("a | b\n--|--", "a | b\n\\--|--"),
    "no quotation": (">5 pessoas", "\\>5 pessoas"),
    "quotation": ("> antes\nagora", "> antes\n\nagora"),
    "no list in a quotation": ("> + 5", "> \\+ 5"),
    "no list": ("+ 5\n+55 31\n+", "\\+ 5\n+55 31\n\\+"),
    "no code by blanks": (
        "a\n\n    b\n\tc",
        "a\n\n\u00a0\u00a0\u00a0\u00a0b\n\u00a0\u00a0\u00a0\u00a0c",
    ),
    "no link": ("[a](b) [c]: d [e]", "\\[a](b) \\[c]: d [e]"),
    "backslashes": ("C:\\pasta \\* a\\", "C:\\pasta \\\\\\* a\\\\"),
    "no entity": ("R&D &amp; &#65;", "R&D \\&amp; \\&#65;"),
    "no HTML address": ("<https://x.test> <b>", "\\<https://x.test> <b>"),
    "address": ("veja https://x.test/a_b?c=1, *já*", "veja https://x.test/a_b?c=1, **já**"),
    "address with marks": ("https://x.test/_a_/*b", "<https://x.test/_a_/*b>"),
    "address in bold": ("*https://x.test*", "**https://x.test**"),
    "NUL": ("a\u0000b", "ab"),
    "private characters": ("a\ue000b\ue100c", "abc"),
}


@pytest.mark.parametrize("name", MARKDOWN)
def test_whatsapps_marks_become_markdown_and_what_was_typed_stays(name: str) -> None:
    written, expected = MARKDOWN[name]
    assert text({"conversation": written}) == expected


# --- One customer, one contact -------------------------------------------------------------------

NUMBERS = {
    ANA: ["+5531987654321", "+553187654321"],
    SHORT: ["+5531987654321", "+553187654321"],
    "551133334444@s.whatsapp.net": ["+551133334444"],  # a landline
    "5511923456789@s.whatsapp.net": ["+5511923456789"],  # without the 9 it would be a landline
    "5215512345678@s.whatsapp.net": ["+525512345678", "+5215512345678"],
    "525512345678@s.whatsapp.net": ["+525512345678", "+5215512345678"],
    "5491123456789@s.whatsapp.net": ["+5491123456789", "+541123456789"],
    "541123456789@s.whatsapp.net": ["+541123456789", "+5491123456789"],
    "351911222333:7@s.whatsapp.net": ["+351911222333"],
    "00123456789@s.whatsapp.net": [],
    LID: [],
}


@pytest.mark.parametrize("jid", NUMBERS)
def test_a_number_is_looked_for_in_all_its_forms(jid: str) -> None:
    found = read({"conversation": "x"}, key={"remoteJid": jid})
    assert found["phones"] == NUMBERS[jid]
    asked = [(row["attribute_key"], row["values"]) for row in found["filter"]]
    assert [value for key, value in asked if key == "phone_number"] == [
        [one[1:]] for one in NUMBERS[jid]
    ]
    assert ("identifier", [found["jid"]]) in asked
    operators = [row["query_operator"] for row in found["filter"]]
    assert operators == ["OR"] * (len(operators) - 1) + [None]


@pytest.mark.parametrize("beside", ["senderPn", "remoteJidAlt", "previousRemoteJid"])
def test_a_hidden_address_with_the_number_beside_it_is_that_number(beside: str) -> None:
    key = {"remoteJid": LID, beside: ANA}
    if beside == "previousRemoteJid":
        key = {"remoteJid": ANA, beside: LID}
    found = read({"conversation": "x"}, key=key)
    assert (found["jid"], found["lid"], found["phone"]) == (ANA, LID, "+5531987654321")
    assert ["identifier", LID] in [
        [row["attribute_key"], *row["values"]] for row in found["filter"]
    ]


def test_of_what_was_written_on_the_phone_the_sender_is_not_the_customer() -> None:
    key = {"remoteJid": LID, "fromMe": True, "senderPn": OURS}
    assert read({"conversation": "x"}, key=key)["jid"] == LID


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ("support", "Oi"),
        ("support-verify", "Oi"),
        (
            "sales",
            "[Came by the WhatsApp phone sales; your answer goes out from another number]\nOi",
        ),
    ],
)
def test_what_came_by_another_phone_says_so(instance: str, expected: str) -> None:
    assert text({"conversation": "Oi"}, instance=instance) == expected


def choose(found: list[Json], **about: Any) -> Json:  # noqa: ANN401 - of "Read message"
    who = {
        "jid": ANA,
        "lid": None,
        "phones": ["+5531987654321", "+553187654321"],
        "phone": "+5531987654321",
        "name": "Ana",
        "named": True,
        **about,
    }
    (item,) = run_code(
        CODE / "choose-contact.js",
        input=[{"json": {"payload": found}}],
        nodes={"Read message": [{"json": who}]},
    )
    chosen: Json = item["json"]
    return chosen


def contact(number: int, **more: Any) -> Json:  # noqa: ANN401 - Chatwoot's own fields
    return {"id": number, "name": "Ana", "identifier": None, "phone_number": None, **more}


NINE, EIGHT = "+5531987654321", "+553187654321"
CONTACTS: dict[str, tuple[list[Json], Json, int | None, Json | None]] = {
    "nobody": ([], {}, None, None),
    "known already": ([contact(1, identifier=ANA, phone_number=NINE)], {}, 1, None),
    "made by an agent": ([contact(1, phone_number=NINE)], {}, 1, {"identifier": ANA}),
    "made by an agent, written by the short one": (
        [contact(1, phone_number=NINE)],
        {"jid": SHORT},
        1,
        {"identifier": SHORT},
    ),
    "made from the short one": (
        [contact(1, identifier=SHORT, phone_number=EIGHT)],
        {},
        1,
        {"phone_number": NINE},
    ),
    "of another register": ([contact(1, identifier="C-7", phone_number=NINE)], {}, 1, None),
    "there are two already": (
        [contact(1, identifier=SHORT, phone_number=EIGHT), contact(2, phone_number=NINE)],
        {},
        2,
        {"identifier": ANA},
    ),
    "Mexico by hand": (
        [contact(1, phone_number="+5215512345678")],
        {
            "jid": "525512345678@s.whatsapp.net",
            "phones": ["+525512345678", "+5215512345678"],
            "phone": "+525512345678",
        },
        1,
        {"identifier": "525512345678@s.whatsapp.net"},
    ),
    "hidden, then with a number": (
        [contact(1, identifier=LID)],
        {"lid": LID},
        1,
        {"phone_number": NINE},
    ),
    "a number, then hidden too": (
        [contact(1, identifier=ANA, phone_number=NINE)],
        {"lid": LID},
        1,
        {"identifier": LID},
    ),
    "hidden again": (
        [contact(1, identifier=LID, phone_number=NINE)],
        {"jid": LID, "lid": LID, "phones": [], "phone": None},
        1,
        None,
    ),
    "both were there": (
        [contact(1, identifier=LID), contact(2, identifier=ANA, phone_number=NINE)],
        {"lid": LID},
        2,
        None,
    ),
    "the owner wrote first": (
        [contact(1, name=NINE, identifier=ANA, phone_number=NINE)],
        {},
        1,
        {"name": "Ana"},
    ),
    "the owner writes again": (
        [contact(1, name=NINE, identifier=ANA, phone_number=NINE)],
        {"name": NINE, "named": False},
        1,
        None,
    ),
}


@pytest.mark.parametrize("case", CONTACTS)
def test_one_customer_is_one_contact(case: str) -> None:
    found, about, number, change = CONTACTS[case]
    chosen = choose(found, **about)
    assert (chosen["contact"] and chosen["contact"]["id"], chosen["change"]) == (number, change)


# --- In the conversation, and with the file ------------------------------------------------------


def page(*messages: Json) -> list[Json]:
    return [
        {"id": 40 + number, "created_at": 1760000000, **one} for number, one in enumerate(messages)
    ]


def look(messages: list[Json], before: Json | None = None, **about: Any) -> Json:  # noqa: ANN401
    told = {"sourceId": "WAID:3EB0A", "sentAt": 1760000000, "target": None, **about}
    nodes = {"Read message": [{"json": told}]}
    if before is not None:
        nodes["Older page"] = [{"json": before}]
    given = [{"json": {"payload": messages}}]
    (item,) = run_code(CODE / "look-through.js", input=given, nodes=nodes)
    found: Json = item["json"]
    return found


TARGET = {"sourceId": "WAID:3EB0OLD", "words": "Qualtamanho"}
OLD = 1760000000 - 3600
LOOKS: dict[str, tuple[list[Json], Json, Json | None, Json]] = {
    "it is there": (page({"source_id": "WAID:3EB0A"}), {}, None, {"duplicate": True}),
    "it is not": (
        page({"source_id": "WAID:X", "created_at": OLD}),
        {},
        None,
        {"duplicate": False, "before": None},
    ),
    "it may be further back": (page({}, {}), {}, None, {"before": 40}),
    "nothing is there": ([], {}, None, {"duplicate": False, "before": None}),
    "what it answers": (
        page({"source_id": "WAID:3EB0OLD", "created_at": OLD}),
        {"target": TARGET},
        None,
        {"inReplyTo": 40, "before": None},
    ),
    "what an agent wrote": (
        page({"message_type": 1, "content": "**Qual** tamanho?", "created_at": OLD}),
        {"target": TARGET},
        None,
        {"inReplyTo": 40},
    ),
    "not what agents say among themselves": (
        page({"message_type": 1, "content": "Qual tamanho", "private": True}),
        {"target": TARGET},
        None,
        {"inReplyTo": None},
    ),
    "nor what the customer said": (
        page({"message_type": 0, "content": "Qual tamanho"}),
        {"target": TARGET},
        None,
        {"inReplyTo": None},
    ),
    "nothing, where no words are known": (
        page({"message_type": 1, "content": ""}),
        {"target": {**TARGET, "words": ""}},
        None,
        {"inReplyTo": None},
    ),
    "further back": (
        page({"created_at": OLD}),
        {"target": TARGET},
        None,
        {"before": 40, "pages": 1},
    ),
    "not for ever": (page({"created_at": OLD}), {"target": TARGET}, {"pages": 4}, {"before": None}),
    "found on a page before": (
        page({"created_at": OLD}),
        {"target": TARGET},
        {"pages": 1, "inReplyTo": 77},
        {"inReplyTo": 77, "before": None},
    ),
}


@pytest.mark.parametrize("case", LOOKS)
def test_the_conversation_is_looked_through(case: str) -> None:
    messages, about, before, expected = LOOKS[case]
    found = look(messages, before, **about)
    assert {name: found[name] for name in expected} == expected


def attach(answer: Json, along: str | None = None, **about: Any) -> Json:  # noqa: ANN401
    file = {"kind": "image", "mimeType": "image/jpeg", "name": "image.jpg"}
    body = {"data": {"message": {"base64": along} if along else {}}}
    (item,) = run_code(
        CODE / "attach-file.js",
        input=[{"json": answer}],
        nodes={
            "Read message": [{"json": {"file": {**file, **about}, "text": "gato"}}],
            "From WhatsApp": [{"json": {"body": body}}],
        },
        marks={"@@LOCALE@@": "pt_BR"},
    )
    return item


def test_a_file_is_what_evolution_answered_or_sent_along() -> None:
    answered = attach({"base64": "QUJD"})["binary"]["file"]
    assert answered == {"data": "QUJD", "mimeType": "image/jpeg", "fileName": "image.jpg"}
    assert attach({}, along="data:image/jpeg;base64,QUJD")["binary"]["file"]["data"] == "QUJD"
    typed = attach({"base64": "QUJD", "mimetype": "image/png"}, mimeType=None)["binary"]["file"]
    assert typed["mimeType"] == "image/png"


def test_a_file_that_is_no_more_is_a_line() -> None:
    assert attach({"error": "gone"})["json"] == {
        "content": "gato\n[Arquivo do WhatsApp que não pôde ser obtido: imagem]"
    }


# --- What nobody has thought of ------------------------------------------------------------------

LIMIT = 150_000
QUOTED: dict[str, Json] = {
    "a name that every object has": {"constructor": {"text": "x"}},
    "another one": {"__proto__": {"text": "x"}},
    "words that are a number": {"conversation": 5},
    "a text that is a number": {"extendedTextMessage": {"text": 5}},
    "words that are an object": {"conversation": {"text": "x"}},
}


@pytest.mark.parametrize("case", QUOTED)
def test_an_answer_arrives_whatever_it_quotes(case: str) -> None:
    context = {"stanzaId": "3EB0OLD", "quotedMessage": QUOTED[case]}
    assert text({"extendedTextMessage": {"text": "sim", "contextInfo": context}}).endswith("sim")


def test_words_beside_a_kind_of_a_name_that_every_object_has_arrive() -> None:
    for name in ("constructor", "__proto__", "toString"):
        assert text({name: {"text": "x"}, "conversation": "sim"}) == "sim"


def nested(depth: int, name: str) -> Json:
    found: Json = {"text": "the innermost"}
    for _ in range(depth):
        found = {name: found}
    return found


def test_a_message_of_any_depth_arrives_as_a_line() -> None:
    found = text({"tomorrowMessage": {"title": "Oi", "next": nested(450, "next")}})
    assert found.endswith("tomorrowMessage]\nOi")


@pytest.mark.parametrize("data", [None, [], "x", {"key": None}])
@pytest.mark.parametrize("event", ["messages.upsert", "messages.delete", "messages.edited"])
def test_an_event_without_a_message_is_ignored(event: str, data: object) -> None:
    (item,) = run_code(
        CODE / "read-message.js",
        input=[{"json": {}}],
        nodes={"From WhatsApp": [{"json": {"body": {"event": event, "data": data}}}]},
    )
    assert item["json"]["ignored"] is True


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (5, "5"),
        ({"a": 1}, "+5531987654321"),
        ("A\0na", "Ana"),
        ("a" * 254 + "😀", "a" * 254 + "\ufffd"),
    ],
)
def test_a_name_is_one_that_chatwoot_takes(given: object, name: str) -> None:
    """It refuses a NUL and half a character, and with the name the message."""
    assert ascii(read({"conversation": "x"}, pushName=given)["name"]) == ascii(name)


def test_a_reaction_is_a_line_whatever_its_text_is() -> None:
    found = read({"reactionMessage": {"text": 5, "key": {"id": "3EB0OLD"}}}, pushName="A\0na")
    assert found["text"] == "Ana reacted: 5"


def test_a_files_name_holds_no_control_characters() -> None:
    found = read({"documentMessage": {"fileName": "a\0b\x01c\x7f.pdf"}})
    assert found["file"]["name"] == "a_b_c_.pdf"


@pytest.mark.parametrize(
    "typed",
    ["*" * 2**20, "\n" * 140_000, "😀" * 100_000, "{{" * 75_000],
    ids=["stars", "lines", "faces", "braces"],
)
def test_what_is_longer_than_chatwoot_takes_says_so(typed: str) -> None:
    for own in (False, True):
        context = {"stanzaId": "3EB0OLD", "quotedMessage": {"conversation": typed}}
        answer = {"extendedTextMessage": {"text": f"sim {typed}", "contextInfo": context}}
        found = text(answer, key={"fromMe": own})
        assert len(found.encode("utf-16-le")) // 2 <= LIMIT
        assert "\n\nsim " in found
        assert found.endswith("[Too long to be shown here; the rest is on the phone]")
    reaction = {"reactionMessage": {"text": typed, "key": {"id": "3EB0OLD"}}}
    assert len(text(reaction)) <= LIMIT


@pytest.mark.parametrize(
    "typed",
    ["[" * 65_536, "[x" * 32_768, "> " * 32_768 + "x", "- " * 32_768 + "x", "![](" * 16_384],
    ids=["brackets", "brackets and letters", "quotations", "lists", "pictures"],
)
def test_a_message_of_marks_alone_arrives_at_once(typed: str) -> None:
    began = time.monotonic()
    found = text({"conversation": typed})
    assert time.monotonic() - began < 1
    assert found.replace("\\", "") == typed


@pytest.mark.parametrize("typed", ["`a` ", "```a\n``` ", "http://a.test "])
def test_of_very_many_pieces_that_stay_as_they_are_none_is_lost(typed: str) -> None:
    found = text({"conversation": f"{typed * 7_000}end"})
    assert found.count("a") == 7_000
    assert found.endswith("end")
    assert not any("\ue000" <= one <= "\uffff" for one in found)


@pytest.mark.parametrize("along", [None, "", 5, {"type": "Buffer"}])
@pytest.mark.parametrize("fetched", ["QQ==", 5, None])
def test_a_file_that_is_none_gives_way_to_one_that_is(along: object, fetched: object) -> None:
    (item,) = run_code(
        CODE / "attach-file.js",
        input=[{"json": {"base64": fetched}}],
        nodes={
            "Read message": [{"json": {"file": {"kind": "image", "name": "a.jpg"}, "text": ""}}],
            "From WhatsApp": [{"json": {"body": {"data": {"message": {"base64": along}}}}}],
        },
    )
    assert ("binary" in item) is (fetched == "QQ==")
