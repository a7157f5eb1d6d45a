"""n8n's workflows are data that no compiler sees; what they must not get wrong is read here.

n8n imports a workflow whose expressions name a node that is not there, sends a GET where no method
is written, and answers 500 to whoever asks a branch that ends in nothing. Every check is a function
from a workflow to the violations in it. It runs over a sample that has to be caught, and over the
files.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from borgstack.services.n8n import workflows
from tests.unit.support import REPOSITORY

Workflow = dict[str, Any]
Node = dict[str, Any]

N8N = REPOSITORY / "files" / "n8n"
FILES = sorted((N8N / "workflows").glob("*.json"))
CODE_FILES = sorted(N8N.glob("workflows/*/*.js"))
INBOUND, REPLIES, ERRORS = (json.loads(workflows.source(path.name)) for path in FILES)
CREDENTIALS = json.loads((N8N / "credentials.json").read_text())
PLACEHOLDERS = {
    "@@ACCOUNT_ID@@": "1",
    "@@INBOX_ID@@": "7",
    "@@INSTANCE@@": "support",
    "@@LOCALE@@": "pt_BR",
    "@@CHATWOOT_URL@@": "https://chatwoot.example.com",
}
VERSIONS = {
    "code": 2,
    "errorTrigger": 1,
    "httpRequest": 4.2,
    "if": 2.2,
    "set": 3.4,
    "stopAndError": 1,
    "switch": 3.3,
    "wait": 1.1,
    "webhook": 2.1,
}
"""Of the production pin, n8n 1.112; n8n refuses to activate what is newer."""
NOT_REPEATABLE = re.compile(r"POST .*(/contacts|/conversations|/messages|/message/.*)$")
"""A second call would make a second record, or send a second message."""
LONGEST_CODE = 70


def kind(node: Node) -> str:
    return str(node["type"]).removeprefix("n8n-nodes-base.")


def calls(workflow: Workflow) -> Iterator[tuple[Node, dict[str, Any], str]]:
    """Every HTTP call, as (node, parameters, method and address)."""
    for node in workflow["nodes"]:
        if kind(node) == "httpRequest":
            parameters = node["parameters"]
            yield node, parameters, f"{parameters.get('method')} {parameters['url']}"


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


def outputs(node: Node) -> int:
    """How many ways lead out of a node."""
    if kind(node) == "stopAndError":
        return 0
    own = {"if": 2, "switch": len(node["parameters"].get("rules", {}).get("values", []))}
    return own.get(kind(node), 1) + (node.get("onError") == "continueErrorOutput")


def ways(workflow: Workflow, name: str) -> list[list[str]]:
    """The nodes after a node, output by output."""
    main = workflow["connections"].get(name, {}).get("main", [])
    return [[target["node"] for target in way] for way in main]


# --- Checks of one workflow --------------------------------------------------------------------


def names_or_ids_twice(workflow: Workflow) -> list[str]:
    found = [node[key] for node in workflow["nodes"] for key in ("id", "name")]
    return [one for one in found if found.count(one) > 1]


def connections_to_nothing(workflow: Workflow) -> list[str]:
    names = {node["name"] for node in workflow["nodes"]}
    ends = [to for name in workflow["connections"] for way in ways(workflow, name) for to in way]
    return sorted({*workflow["connections"], *ends} - names)


def nodes_that_nothing_leads_to(workflow: Workflow) -> list[str]:
    reached: set[str] = set()
    coming = [workflow["nodes"][0]["name"]]
    while coming:
        name = coming.pop()
        if name not in reached:
            reached.add(name)
            coming += [to for way in ways(workflow, name) for to in way]
    return [node["name"] for node in workflow["nodes"] if node["name"] not in reached]


def other_versions(workflow: Workflow) -> list[str]:
    return [
        f"{node['name']}: {kind(node)} {node['typeVersion']}"
        for node in workflow["nodes"]
        if VERSIONS.get(kind(node)) != node["typeVersion"]
    ]


def references_to_nothing(workflow: Workflow) -> list[str]:
    """`$('X')` of a node that is not there fails only when the expression is evaluated."""
    names = {node["name"] for node in workflow["nodes"]}
    text = "\n".join(texts(workflow["nodes"]))
    named = re.findall(r"""\$\((?:'([^']*)'|"([^"]*)")\)""", text)
    return sorted({"".join(pair) for pair in named} - names)


def reads_the_environment(workflow: Workflow) -> list[str]:
    """It is blocked for nodes, and holds n8n's own keys; variables want a licence."""
    return re.findall(r"\$env|\$vars|process\.env", "\n".join(texts(workflow["nodes"])))


def unknown_placeholders(workflow: Workflow) -> list[str]:
    return sorted(set(re.findall(r"@@\w*@@", json.dumps(workflow))) - PLACEHOLDERS.keys())


def calls_without_method_or_timeout(workflow: Workflow) -> list[str]:
    return [
        node["name"]
        for node, parameters, _ in calls(workflow)
        if "method" not in parameters or not parameters["options"].get("timeout")
    ]


def calls_to_other_hosts(workflow: Workflow) -> list[str]:
    known = re.compile(r"^=?(http://(chatwoot:3000|evolution:8080)/|\{\{ \$json\.url \}\}$)")
    return [
        node["name"]
        for node, parameters, _ in calls(workflow)
        if not known.match(parameters["url"])
    ]


def calls_that_chatwoot_redirects(workflow: Workflow) -> list[str]:
    """Under FORCE_SSL, Chatwoot sends everything elsewhere that does not say it came by HTTPS."""
    header = {"name": "X-Forwarded-Proto", "value": "https"}
    return [
        node["name"]
        for node, parameters, _ in calls(workflow)
        if "evolution:8080" not in parameters["url"]
        and not (
            parameters.get("sendHeaders")
            and header in parameters.get("headerParameters", {}).get("parameters", [])
        )
    ]


def secrets_for_another(workflow: Workflow) -> list[str]:
    """Each key goes to the service that gave it."""
    owner = {"borgstackChatwoot": "chatwoot:3000/api/", "borgstackEvolution": "evolution:8080/"}
    return [
        node["name"]
        for node, parameters, _ in calls(workflow)
        for credential in node.get("credentials", {}).values()
        if owner.get(credential["id"], "nowhere") not in parameters["url"]
    ]


def wrong_retries(workflow: Workflow) -> list[str]:
    """What may be repeated is tried five times; the rest once, and its failure leads somewhere."""
    wrong = []
    for node, _, call in calls(workflow):
        tries = (node.get("retryOnFail"), node.get("maxTries"), node.get("waitBetweenTries"))
        if not NOT_REPEATABLE.search(call):
            right = tries == (True, 5, 2000)
        else:
            # The error workflow has nowhere to lead to: it fails, and n8n shows it.
            right = tries == (None, None, None) and ("onError" in node or workflow is ERRORS)
        wrong += [] if right else [node["name"]]
    return wrong


def errors_taken_for_answers(workflow: Workflow) -> list[str]:
    """With `neverError` but without the whole answer, n8n repeats what says `error` in its JSON."""
    answers = [
        (node["name"], parameters["options"].get("response", {}).get("response", {}))
        for node, parameters, _ in calls(workflow)
    ]
    return [
        name
        for name, answer in answers
        if answer.get("neverError") and not answer.get("fullResponse")
    ]


def bodies_in_templates(workflow: Workflow) -> list[str]:
    """Only JSON.stringify survives quotes and line breaks in what a person wrote."""
    return [
        node["name"]
        for node, parameters, _ in calls(workflow)
        if not re.fullmatch(
            r"=\{\{ JSON\.stringify\(.*\) \}\}",
            parameters.get("jsonBody", "={{ JSON.stringify({}) }}"),
        )
    ]


def branches_that_end_in_nothing(workflow: Workflow) -> list[str]:
    """The caller of a `lastNode` webhook gets 500 then, and Evolution API sends it ten times."""
    found = []
    for node in workflow["nodes"]:
        leads = [bool(way) for way in ways(workflow, node["name"])]
        last = kind(node) == "set" and not leads
        if not last and leads != [True] * outputs(node):
            found.append(node["name"])
        if re.search(r"return \[\];|return;", node["parameters"].get("jsCode", "")):
            found.append(node["name"])
    return found


def active_before_its_time(workflow: Workflow) -> list[str]:
    """n8n wants the key and sets it to false; activating is another step."""
    return [] if workflow.get("active") is False else ["active"]


Check = Callable[[Workflow], list[str]]


def spoilt(name: str, *path: str | int, value: object = None) -> Workflow:
    """The inbound workflow with one thing of one node other than it has to be."""
    workflow = copy.deepcopy(INBOUND)
    target = next(node for node in workflow["nodes"] if node["name"] == name)
    for key in path[:-1]:
        target = target[key]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return workflow


def cut(name: str, output: int, *targets: str) -> Workflow:
    """The inbound workflow with one way out of a node leading elsewhere."""
    workflow = copy.deepcopy(INBOUND)
    way = [{"node": target, "type": "main", "index": 0} for target in targets]
    workflow["connections"][name]["main"][output] = way
    return workflow


URL, OPTIONS = ("parameters", "url"), ("parameters", "options")
BODY, CODE = ("parameters", "jsonBody"), ("parameters", "jsCode")
FORWARDED = ("parameters", "headerParameters", "parameters", 0, "name")
KEY = ("credentials", "httpHeaderAuth", "id")
CHECKS: list[tuple[Check, Workflow]] = [
    (names_or_ids_twice, spoilt("Ignored", "name", value="Posted")),
    (names_or_ids_twice, spoilt("Ignored", "id", value="borgstackInbound-posted")),
    (connections_to_nothing, cut("Wait", 0, "Find it")),
    (nodes_that_nothing_leads_to, cut("Wanted?", 1)),
    (other_versions, spoilt("Post text", "typeVersion", value=4.3)),
    (other_versions, spoilt("Read message", "type", value="n8n-nodes-base.function")),
    (references_to_nothing, spoilt("Post text", *URL, value="={{ $('Convers').first().json }}")),
    (references_to_nothing, spoilt("Attach file", *CODE, value='$("Read it").first()')),
    (reads_the_environment, spoilt("Post text", *URL, value="={{ $env.CHATWOOT_HOST }}")),
    (unknown_placeholders, spoilt("Post text", *URL, value="http://chatwoot:3000/@@INBOX@@")),
    (calls_without_method_or_timeout, spoilt("Post text", "parameters", "method")),
    (calls_without_method_or_timeout, spoilt("Post text", *OPTIONS, "timeout")),
    (calls_to_other_hosts, spoilt("Post text", *URL, value="https://chatwoot.example.com/api")),
    (calls_that_chatwoot_redirects, spoilt("Post text", "parameters", "sendHeaders")),
    (calls_that_chatwoot_redirects, spoilt("Post text", *FORWARDED, value="X-Forwarded-For")),
    (secrets_for_another, spoilt("Fetch file", *KEY, value="borgstackChatwoot")),
    (wrong_retries, spoilt("Find contact", "retryOnFail")),
    (wrong_retries, spoilt("Post text", "retryOnFail", value=True)),
    (wrong_retries, spoilt("Open conversation", "onError")),
    (
        errors_taken_for_answers,
        spoilt(
            "Find contact",
            *OPTIONS,
            "response",
            value={
                "response": {"neverError": True},
            },
        ),
    ),
    (bodies_in_templates, spoilt("Post text", *BODY, value='={ "content": "{{ $json.x }}" }')),
    (branches_that_end_in_nothing, cut("Wanted?", 1)),
    (branches_that_end_in_nothing, cut("What next?", 3)),
    (branches_that_end_in_nothing, cut("Post text", 1)),
    (branches_that_end_in_nothing, spoilt("Read message", *CODE, value="return [];")),
    (active_before_its_time, {"active": True}),
    (active_before_its_time, {}),
]


@pytest.mark.parametrize(
    ("check", "sample"), CHECKS, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_check_catches_its_sample(check: Check, sample: Workflow) -> None:
    assert check(sample)


@pytest.mark.parametrize("workflow", [INBOUND, REPLIES, ERRORS], ids=lambda one: one["id"])
@pytest.mark.parametrize(
    "check",
    list(dict.fromkeys(check for check, _ in CHECKS if check is not branches_that_end_in_nothing)),
    ids=lambda check: check.__name__,
)
def test_a_workflow_keeps_the_rule(check: Check, workflow: Workflow) -> None:
    assert check(workflow) == []


# --- What the three are to each other ----------------------------------------------------------


def test_whoever_waits_for_the_inbound_workflow_gets_an_answer() -> None:
    assert branches_that_end_in_nothing(INBOUND) == []


def test_the_files_are_printed_as_a_reviewer_reads_them() -> None:
    for path in FILES:
        text = path.read_text()
        assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n", path.name


def test_every_file_of_code_is_that_of_a_node_or_part_of_one() -> None:
    named = {
        f"{path.stem}/{node['parameters']['jsCode'].strip('@')}"
        for path in FILES
        for node in json.loads(path.read_text())["nodes"]
        if "jsCode" in node["parameters"]
    }
    for one in CODE_FILES:
        parts = re.findall(r"^@@([\w-]+\.js)@@$", one.read_text(), re.MULTILINE)
        named |= {f"{one.parent.name}/{part}" for part in parts}
    assert named == {f"{one.parent.name}/{one.name}" for one in CODE_FILES}


@pytest.mark.parametrize("file", CODE_FILES, ids=lambda one: f"{one.parent.name[:2]}/{one.name}")
def test_a_file_of_code_fits_on_a_screen(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LONGEST_CODE


def test_the_workflows_have_the_names_that_others_rely_on() -> None:
    assert [(path.name, json.loads(path.read_text())["id"]) for path in FILES] == [
        ("04-whatsapp-chatwoot-integration.json", "borgstackInbound"),
        ("05-chatwoot-whatsapp-replies.json", "borgstackReplies"),
        ("06-whatsapp-errors.json", "borgstackErrors"),
    ]


def test_what_comes_in_is_believed_by_a_secret_or_by_asking() -> None:
    """Evolution API sends a header; Chatwoot sends none, and logs show addresses: it is asked."""
    inbound, replies = INBOUND["nodes"][0], REPLIES["nodes"][0]
    assert inbound["parameters"]["path"] == "whatsapp-inbound"
    assert inbound["parameters"]["authentication"] == "headerAuth"
    assert inbound["credentials"]["httpHeaderAuth"]["id"] == "borgstackBridge"
    assert replies["parameters"]["path"] == "whatsapp-replies-to-check"
    after = REPLIES["connections"]["An agent's reply?"]["main"][0]
    assert [one["node"] for one in after] == ["Message in Chatwoot"]
    spoken = [one for one in REPLIES["nodes"] if "jsCode" in one["parameters"]]
    for one in spoken:  # of an event nothing but numbers is taken
        said = one["parameters"]["jsCode"]
        assert re.findall(r"const (.*) = \$\('From Chatwoot'\)", said) in ([], ["{ id }"])


def test_evolution_waits_for_the_result_and_chatwoot_does_not() -> None:
    """Evolution API repeats what failed; Chatwoot has five seconds and never repeats."""
    modes = [one["nodes"][0]["parameters"]["responseMode"] for one in (INBOUND, REPLIES)]
    assert modes == ["lastNode", "onReceived"]


def test_failures_go_to_the_error_workflow_and_its_own_to_nobody() -> None:
    named = [one["settings"].get("errorWorkflow") for one in (INBOUND, REPLIES, ERRORS)]
    assert named == ["borgstackErrors", "borgstackErrors", None]


@pytest.mark.parametrize("workflow", [INBOUND, REPLIES, ERRORS], ids=lambda one: one["id"])
def test_filled_in_it_is_json_without_placeholders(workflow: Workflow) -> None:
    text = json.dumps(workflow)
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    assert json.loads(text)
    assert "@@" not in text


def test_the_credentials_are_those_that_the_workflows_name() -> None:
    """n8n finds them by id; a name that differs would be put right in its editor by hand."""
    made = {(one["id"], one["name"]) for one in CREDENTIALS}
    used = {
        (credential["id"], credential["name"])
        for workflow in (INBOUND, REPLIES, ERRORS)
        for node in workflow["nodes"]
        for credential in node.get("credentials", {}).values()
    }
    assert made == used
    assert {one["type"] for one in CREDENTIALS} == {"httpHeaderAuth"}


def test_the_credentials_file_holds_places_for_secrets_and_no_secret() -> None:
    assert {one["data"]["name"]: one["data"]["value"] for one in CREDENTIALS} == {
        "api_access_token": "@@CHATWOOT_TOKEN@@",
        "apikey": "@@EVOLUTION_KEY@@",
        "x-borgstack-secret": "@@BRIDGE_SECRET@@",
    }
