"""The commands and their exit statuses (docs/reference/running.md)."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import __version__
from gateway.cli.main import command_parsers
from gateway.config.settings import Settings
from tests.integration.children import run_gateway
from tests.integration.decisions import bucket

ROOT = Path(__file__).parents[2]
SOUND = """\
routes:
  - name: orders
    queue: orders
    versions:
      stable: {url: "http://b.shop/", tag: v1}
      canary: {url: "http://b1.shop/", tag: v2}
    rules:
      - {name: vip, match: [{body: {vip: {exact: true}}}], to: canary}
    split: {stable: 90, canary: 10}
"""
PINNED = {
    "MessageId": "m-1",
    "Body": "{}",
    "MessageAttributes": {"version": {"DataType": "String", "StringValue": "v2"}},
}
MESSAGES = [
    PINNED,
    {"MessageId": "m-2", "Body": '{"vip": true}', "MessageAttributes": {}},
    {"MessageId": "m-3", "Body": "no JSON", "Attributes": {"ApproximateReceiveCount": "4"}},
    {
        "MessageId": "m-4",
        "Body": "{}",
        "MessageAttributes": {"raw": {"DataType": "Binary", "BinaryValue": "AAEC"}},
    },
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "routes.yaml"
    path.write_text(SOUND, "utf-8")
    return path


def _explain(file: Path, lines: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = ["explain", "--config", str(file), "--route", "orders", "--messages", "-", *more]
    return run_gateway(*command, stdin=lines)


def _lines(*messages: object) -> str:
    return "".join(json.dumps(message) + "\n" for message in messages)


def test_check_says_ok_to_a_sound_file(file: Path) -> None:
    result = run_gateway("check", "--config", str(file))
    assert (result.returncode, result.stdout, result.stderr) == (0, "ok\n", "")


def test_check_takes_the_file_from_the_environment_too(file: Path) -> None:
    result = run_gateway("check", GATEWAY_CONFIG=str(file))
    assert (result.returncode, result.stdout) == (0, "ok\n")


@pytest.mark.parametrize("command", ["check", "iam", "explain"])
def test_a_file_without_a_flag_is_taken(file: Path, command: str) -> None:
    """It wins over GATEWAY_CONFIG, as the flag does."""
    more = ["--route", "orders", "--messages", "-"] if command == "explain" else []
    result = run_gateway(command, str(file), *more, GATEWAY_CONFIG="/nowhere.yaml")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("before", [[], ["--admin-port", "0"]])
def test_the_run_itself_takes_a_file_without_a_flag(tmp_path: Path, before: list[str]) -> None:
    missing = tmp_path / "missing.yaml"
    result = run_gateway(*before, str(missing), "--log-format", "json")
    assert (result.returncode, result.stdout) == (2, "")
    assert f"{missing}: (file): cannot be read: no such file" in result.stderr


def test_two_files_are_a_problem(file: Path) -> None:
    result = run_gateway("check", str(file), "--config", "other.yaml")
    assert result.returncode == 2
    assert "other.yaml" in result.stdout
    assert str(file) in result.stdout
    same = run_gateway("check", str(file), "--config", str(file))
    assert same.returncode == 0


@pytest.mark.parametrize("command", ["check", "iam"])
def test_an_unknown_variable_is_warned_of_once_and_is_no_failure(file: Path, command: str) -> None:
    result = run_gateway(command, str(file), GATEWAY_LOGLEVEL="debug")
    assert result.returncode == 0
    assert result.stderr.count("GATEWAY_LOGLEVEL") == 1
    assert "did you mean GATEWAY_LOG_LEVEL?" in result.stderr


def test_an_unknown_variable_is_warned_of_where_the_start_is_refused() -> None:
    result = run_gateway(GATEWAY_CONFIGS="routes.yaml")
    assert result.returncode == 2
    assert result.stderr.count("did you mean GATEWAY_CONFIG?") == 1


def test_help_has_defaults_exit_statuses_and_examples() -> None:
    for name, parser in command_parsers().items():
        text = parser.format_help()
        assert "exit statuses:\n  0 " in text, name
        assert name in text.partition("examples:\n")[2], name
    run = " ".join(command_parsers()["gateway"].format_help().split())
    for name in ("admin_port", "log_level", "drain_seconds", "sqs_client"):
        assert f"(default: {Settings.model_fields[name].default!s}".removesuffix(".0") in run


def test_check_tells_every_problem_with_file_line_and_place(file: Path) -> None:
    broken = SOUND.replace("stable: 90, ", "").replace("to: canary", "to: cannary")
    file.write_text(broken, "utf-8")
    result = run_gateway("check", "--config", str(file))
    assert result.returncode == 2
    said = result.stdout + result.stderr
    assert f"{file}:8: routes[0].rules[0].to: " in said
    assert f"{file}:9: routes[0].split: " in said
    assert "did you mean canary?" in said
    assert "90" in said.partition("split: ")[2]
    assert "Traceback" not in said


def test_schema_prints_the_committed_schema() -> None:
    result = run_gateway("schema")
    committed = ROOT / "config" / "routes.schema.json"
    assert result.returncode == 0
    assert json.loads(result.stdout) == json.loads(committed.read_text("utf-8"))


FOREIGN = """\
routes:
  - name: bestellungen
    queue: bestellungen
    versions: {stable: "http://b.shop/", straße: "http://b1.shop/"}
    split: {stable: 90, größe: 10}
"""


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1:strict"])
@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["check", "FILE"], 2),
        (["explain", "FILE", "--route", "große", "--messages", "-"], 2),
        (["explain", "SOUND", "--route", "gróße→", "--messages", "-"], 2),
        (["explain", "SOUND", "--route", "orders", "--messages", "gróße→"], 2),
        (["iam", "FILE"], 2),
        (["iam", "SOUND", "--region", "größe→"], 2),
        (["schema"], 0),
        (["health", "--admin-host", "größe→.invalid"], 1),
        (["demo", "--messages", "größe→"], 2),
        (["FILE"], 2),
        (["größe→"], 2),
        (["--help"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_output_never_fails_on_an_encoding(
    tmp_path: Path, command: list[str], status: int, encoding: str
) -> None:
    file, sound = tmp_path / "größe→.yaml", tmp_path / "sound.yaml"
    file.write_text(FOREIGN, "utf-8")
    sound.write_text(SOUND, "utf-8")
    files = {"FILE": str(file), "SOUND": str(sound)}
    result = run_gateway(*[files.get(word, word) for word in command], PYTHONIOENCODING=encoding)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr


def test_a_problem_keeps_what_the_encoding_has(tmp_path: Path) -> None:
    file = tmp_path / "größe→.yaml"
    file.write_text(FOREIGN, "utf-8")
    result = run_gateway("check", str(file), PYTHONIOENCODING="ascii")
    assert "gr\\xf6\\xdfe\\u2192.yaml:5: routes[0].split" in result.stdout


def test_a_stdin_that_is_closed_is_a_problem(file: Path) -> None:
    command = shlex.join(_command(["explain", "FILE", "--messages", "-"], file))
    result = subprocess.run(
        f"{command} <&-", shell=True, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr == "-: --messages: cannot be read: stdin is closed\n1 problem\n"


def _command(words: list[str], file: Path) -> list[str]:
    return [sys.executable, "-m", "gateway", *(word.replace("FILE", str(file)) for word in words)]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command", [["schema"], ["--help"], ["check", "--help"], ["iam", "FILE"], ["check", "FILE"]]
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this machine has no /dev/full")
def test_output_that_cannot_be_written_is_exit_status_1(
    file: Path, command: list[str], unbuffered: str
) -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [
                sys.executable,
                "-m",
                "gateway",
                *(word.replace("FILE", str(file)) for word in command),
            ],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert "gateway: No space left on device\n" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", [["schema"], ["--help"], ["iam", "FILE"], ["check", "FILE"]])
def test_a_reader_that_has_gone_is_exit_status_1_without_a_word(
    file: Path, command: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        _command(command, file),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert result.returncode == 1
    assert "Error" not in result.stderr
    assert "Traceback" not in result.stderr


def test_explain_prints_one_decision_a_line(file: Path) -> None:
    """All seven keys are there, null where they do not apply."""
    result = _explain(file, _lines(*MESSAGES))
    assert (result.returncode, result.stderr) == (0, "")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(each["message_id"], each["route"]) for each in found] == [
        (message["MessageId"], "orders") for message in MESSAGES
    ]
    pinned, ruled, *split = [
        (each["version"], each["tag"], each["reason"], each["rule"], each["bucket"])
        for each in found
    ]
    assert pinned == ("canary", "v2", "pinned", None, None)
    assert ruled == ("canary", "v2", "rule", "vip", None)
    for message_id, (version, tag, reason, rule, number) in zip(("m-3", "m-4"), split, strict=True):
        assert number == bucket("orders", message_id)
        assert (version, tag) == (("canary", "v2") if number < 1_000 else ("stable", "v1"))
        assert (reason, rule) == ("split", None)


def test_explain_reads_a_file_and_passes_over_empty_lines(file: Path, tmp_path: Path) -> None:
    messages = tmp_path / "messages.jsonl"
    messages.write_text(f"\n{_lines(PINNED)}\n", "utf-8")
    command = ["explain", "--config", str(file), "--route", "orders", "--messages", str(messages)]
    result = run_gateway(*command)
    assert result.returncode == 0
    assert json.loads(result.stdout)["version"] == "canary"


def test_explain_with_expect_is_0_when_all_agree_and_3_when_one_differs(file: Path) -> None:
    assert _explain(file, _lines(PINNED), "--expect", "canary").returncode == 0
    unknown = _explain(file, _lines(PINNED), "--expect", "v9")
    assert "(known: stable, v1, canary, v2)" in unknown.stderr
    differing = _explain(file, _lines(PINNED), "--expect", "stable")
    assert differing.returncode == 3
    assert json.loads(differing.stdout)["version"] == "canary"


def test_explain_takes_what_the_aws_cli_prints_without_a_route(file: Path) -> None:
    printed = json.dumps({"Messages": MESSAGES}, indent=4)
    result = run_gateway("explain", str(file), "--messages", "-", stdin=printed)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == _explain(file, _lines(*MESSAGES)).stdout


def test_explain_takes_a_lambda_event(file: Path) -> None:
    attributes = {"version": {"dataType": "String", "stringValue": "v2"}}
    record = {"messageId": "m", "body": "{}", "messageAttributes": attributes, "attributes": {}}
    event = json.dumps({"Records": [{**record, "eventSource": "aws:sqs"}]}, indent=2)
    result = run_gateway("explain", str(file), "--messages", "-", stdin=event)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["reason"] == "pinned"


def test_explain_of_another_event_is_one_clear_problem(file: Path) -> None:
    event = json.dumps({"Records": [{"eventSource": "aws:s3"}]}, indent=2)
    result = run_gateway("explain", str(file), "--messages", "-", stdin=event)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert "Records[0]: is an event of aws:s3, not of SQS" in line


def test_explain_asks_for_the_route_where_there_are_several(file: Path) -> None:
    route = SOUND.partition("routes:\n")[2].replace("orders", "payments")
    file.write_text(SOUND + route, "utf-8")
    result = run_gateway("explain", str(file), "--messages", "-", stdin=_lines(PINNED))
    assert (result.returncode, result.stdout) == (2, "")
    assert "--route: the routing file has 2 routes (say one: orders, payments)" in result.stderr


BAD_LINES = {
    "half": b"{",
    "no object": b"7",
    "no body": b'{"MessageId": "m"}',
    "no text for an id": b'{"MessageId": 1, "Body": ""}',
    "too deep": b"[" * 100_000,
    "no UTF-8": b'{"MessageId": "m", "Body": "\xff"}',
}


def test_every_bad_message_line_is_told_with_its_number(file: Path, tmp_path: Path) -> None:
    """The others are still explained; the exit status says that something was wrong."""
    messages = tmp_path / "messages.jsonl"
    good = _lines(PINNED).encode()
    messages.write_bytes(good + b"\n".join(BAD_LINES.values()) + b"\n" + good)
    command = ["explain", "--config", str(file), "--route", "orders", "--messages", str(messages)]
    result = run_gateway(*command)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    told = [line for line in result.stderr.splitlines() if line.startswith(f"{messages}:")]
    numbers = [int(line.removeprefix(f"{messages}:").partition(":")[0]) for line in told]
    assert numbers == list(range(2, 2 + len(BAD_LINES)))
    assert len(result.stdout.splitlines()) == 2


def test_explain_refuses_a_bad_configuration_and_an_unknown_route(file: Path) -> None:
    file.write_text(SOUND.replace("90", "-90"), "utf-8")
    assert _explain(file, _lines(PINNED)).returncode == 2
    file.write_text(SOUND.replace("name: orders", "name: order"), "utf-8")
    unknown = _explain(file, _lines(PINNED))
    assert unknown.returncode == 2
    assert "did you mean order?" in unknown.stderr
    assert unknown.stdout == ""


def test_the_console_script_has_the_same_commands() -> None:
    script = Path(sys.executable).parent / "gateway"
    shown = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert __version__ in shown.stdout
    helped = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    for command in ("check", "explain", "iam", "schema", "demo", "--config"):
        assert command in helped.stdout


def test_an_unknown_command_or_flag_is_refused() -> None:
    result = run_gateway("chek")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
