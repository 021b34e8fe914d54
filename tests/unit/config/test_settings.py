"""Settings from the environment and the command line."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from gateway.config.problems.problem import Problem, ProblemsFound
from gateway.config.settings import (
    PREFIX,
    STRIPPED,
    Settings,
    environment_warnings,
    load_settings,
    unknown_variables,
)

WHY_TCP = (
    "Kubernetes sets such names for a Service whose name begins with `gateway`: rename it, or set "
    "enableServiceLinks: false"
)


def problems_of(**overrides: object) -> list[Problem]:
    with pytest.raises(ProblemsFound) as caught:
        load_settings(overrides)
    return list(caught.value.problems)


def problem_of(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> Problem:
    monkeypatch.setenv(name, value)
    (problem,) = problems_of()
    assert (problem.file, problem.line, problem.place) == ("environment", None, name)
    return problem


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    settings = load_settings({})
    assert settings.config is None
    assert settings.admin_host == ""
    assert settings.admin_port == 8080
    assert settings.admin_token is None
    assert settings.log_level == "INFO"
    assert settings.log_format == "json"
    assert settings.drain_seconds == 25.0
    assert settings.state == "memory"


@pytest.mark.parametrize(
    "place",
    ["memory", "file:/var/lib/state.json", "file:state.json", "kubernetes:a", "kubernetes:a-1.b"],
)
def test_the_state_may_be_in_one_of_three_places(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("GATEWAY_STATE", place)
    assert load_settings({}).state == place


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("memory:x", "memory has nothing behind it"),
        ("file:", "PATH is a file, for instance file:/var/lib/gateway/state.json"),
        ("file", "PATH is a file, for instance file:/var/lib/gateway/state.json"),
        ("file:/var/lib/", "PATH is a file, for instance file:/var/lib/gateway/state.json"),
        ("/var/lib/state.json", "a path needs file: before it"),
        ("state.json", "a path needs file: before it"),
        ("kubernetes:", "NAME is that of a ConfigMap: lower-case letters, digits, - and ."),
        ("kubernetes:Not_this", "NAME is that of a ConfigMap: lower-case letters, digits, - and ."),
        (f"kubernetes:{'a' * 254}",
         "NAME is that of a ConfigMap: lower-case letters, digits, - and ."),
        ("kubernetes:shop/a",
         "the name alone: the namespace is that of the service account or of KUBECONFIG"),
        ("kubernets:a", "did you mean kubernetes?"),
        ("Memory", "did you mean memory?"),
        ("redis://x", ""),
    ],
)  # fmt: skip
def test_any_other_place_is_refused(monkeypatch: pytest.MonkeyPatch, place: str, hint: str) -> None:
    problem = problem_of(monkeypatch, "GATEWAY_STATE", place)
    assert problem.what.startswith("must be memory, file:PATH or kubernetes:NAME, but is ")
    assert problem.hint == hint


def test_a_terminal_gets_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert load_settings({}).log_format == "text"


def test_a_process_without_stderr_gets_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert load_settings({}).log_format == "json"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "CONFIG": "/etc/gateway/routes.yaml",
        "ADMIN_HOST": "::1",
        "ADMIN_PORT": "0",
        "ADMIN_TOKEN": "s3cret",
        "LOG_LEVEL": "warning",
        "LOG_FORMAT": "text",
        "DRAIN_SECONDS": "0.5",
    }.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)
    settings = load_settings({})
    assert settings.config == Path("/etc/gateway/routes.yaml")
    assert settings.admin_host == "::1"
    assert settings.admin_port == 0
    assert settings.admin_token
    assert settings.admin_token.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)
    assert settings.log_level == "WARNING"
    assert settings.log_format == "text"
    assert settings.drain_seconds == 0.5


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"GATEWAY_{name.upper()}", "")
    settings = load_settings({})
    assert settings.config is None
    assert settings.admin_token is None
    assert settings.admin_port == 8080


def test_a_flag_wins_over_the_environment_and_a_flag_not_given_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GATEWAY_ADMIN_PORT", "tcp://10.0.0.1:80")  # never looked at
    monkeypatch.setenv("GATEWAY_DRAIN_SECONDS", "7")
    settings = load_settings({"admin_port": "9000", "drain_seconds": None, "config": "a.yaml"})
    assert settings.admin_port == 9000
    assert settings.drain_seconds == 7.0
    assert settings.config == Path("a.yaml")


@pytest.mark.parametrize("name", ["PORT", "SERVICE_HOST", "PORT_80_TCP_ADDR", "CONFIGURATION"])
def test_names_that_are_no_settings_are_ignored(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Kubernetes injects such names for a Service called `gateway`."""
    monkeypatch.setenv(f"GATEWAY_{name}", "tcp://10.0.0.1:80")
    assert load_settings({}).admin_port == 8080


def test_a_port_that_kubernetes_injected_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of(monkeypatch, "GATEWAY_ADMIN_PORT", "tcp://10.0.0.1:80")
    assert problem.what == 'must be a port, 0 to 65535, but is "tcp://10.0.0.1:80"'
    assert problem.hint == WHY_TCP


@pytest.mark.parametrize("port", ["65536", "-1", "80.0", "http", " 80", "٣", "9" * 5000])
def test_a_port_is_0_to_65535(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    problem = problem_of(monkeypatch, "GATEWAY_ADMIN_PORT", port)
    assert problem.what.startswith("must be a port, 0 to 65535, but is ")
    assert len(problem.what) < 120


@pytest.mark.parametrize("seconds", ["inf", "nan", "-1", "soon", "25s"])
def test_the_drain_is_a_finite_number_of_seconds(
    monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    problem = problem_of(monkeypatch, "GATEWAY_DRAIN_SECONDS", seconds)
    assert problem.what == f'must be a number of seconds, 0 or more, but is "{seconds}"'


@pytest.mark.parametrize("token", ["s3cret\n", "s3 cret", "s3crét", "\ts3cret"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    problem = problem_of(monkeypatch, "GATEWAY_ADMIN_TOKEN", token)
    assert problem.what == "must be visible ASCII without spaces or line breaks"
    assert "s3" not in str(problem)


def test_a_level_and_a_format_are_words_of_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_LOG_LEVEL", "warnig")
    monkeypatch.setenv("GATEWAY_LOG_FORMAT", "yaml")
    level, form = map(str, problems_of())
    assert level == (
        "environment: GATEWAY_LOG_LEVEL: must be DEBUG, INFO, WARNING or ERROR "
        "(did you mean WARNING?)"
    )
    assert form == "environment: GATEWAY_LOG_FORMAT: must be text or json"


def test_the_native_sqs_client_has_no_other_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings({}).sqs_client == "native"
    problem = problem_of(monkeypatch, "GATEWAY_SQS_CLIENT", "lean")
    assert problem.what == "must be native or aiobotocore"
    (problem,) = problems_of(sqs_client="nativ")
    assert str(problem) == (
        "command line: --sqs-client: must be native or aiobotocore (did you mean native?)"
    )


@pytest.mark.parametrize("host", ["local host", " ", "a\nb"])
def test_a_host_has_no_spaces(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert problem_of(monkeypatch, "GATEWAY_ADMIN_HOST", host).what.startswith("is not a host")


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("{}\n", "a line end at its end"),
        ("\r\n{}", "a line end before it"),
        (" {}\u00a0", "a blank around it"),
        ("\ufeff{}", "a blank before it"),
    ],
)
@pytest.mark.parametrize(
    ("name", "value"),
    [("GATEWAY_CONFIG", "/etc/my routes.yaml"), ("GATEWAY_ADMIN_HOST", "::1")],
)
def test_blanks_around_a_path_and_a_host_are_told_and_taken_off(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, written: str, what: str
) -> None:
    monkeypatch.setenv(name, written.format(value))
    settings = load_settings({})
    assert str(getattr(settings, name.removeprefix(PREFIX).lower())) == value
    told = [each for each in environment_warnings(os.environ) if each.startswith(name)]
    assert told == [f"{name}: has {what}; it is used without"]


def test_a_flag_is_taken_as_it_is_whatever_the_variable_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", "other.yaml\n")
    assert load_settings({"config": "routes.yaml "}).config == Path("routes.yaml ")


@pytest.mark.parametrize("name", [n for n in Settings.model_fields if n not in STRIPPED])
def test_a_setting_that_is_not_stripped_refuses_a_line_end_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Or reads it as without, as a number does."""
    good = {"admin_port": "8081", "drain_seconds": "7", "admin_token": "s3cret"}
    words = {"log_level": "INFO", "log_format": "text", "sqs_client": "native"}
    written = (good | words).get(name, "true")
    monkeypatch.setenv(PREFIX + name.upper(), f"{written}\n")
    try:
        settings = load_settings({})
    except ProblemsFound as found:
        (problem,) = found.problems
        assert problem.place == PREFIX + name.upper()
    else:
        assert (name, settings.drain_seconds) == ("drain_seconds", 7.0)


@pytest.mark.parametrize("path", [" ", "\n", "a\nb"])
def test_what_is_no_path_is_refused(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    assert problem_of(monkeypatch, "GATEWAY_CONFIG", path).what


def test_every_problem_is_reported_at_once_and_says_where_the_value_came_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GATEWAY_LOG_FORMAT", "yaml")
    monkeypatch.setenv("GATEWAY_ADMIN_PORT", "80")
    found = problems_of(drain_seconds=-1.0, admin_port=70_000)
    assert [(problem.file, problem.place) for problem in found] == [
        ("command line", "--admin-port"),
        ("environment", "GATEWAY_LOG_FORMAT"),
        ("command line", "--drain-seconds"),
    ]


def test_an_empty_path_and_a_flag_that_is_no_setting_are_problems() -> None:
    found = problems_of(config="", speed=1)
    assert [str(problem) for problem in found] == [
        "command line: --config: is not a path",
        "command line: --speed: is no setting",
    ]


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("GATEWAY_LOGLEVEL", "GATEWAY_LOG_LEVEL"),
        ("GATEWAY_DRAIN_SECOND", "GATEWAY_DRAIN_SECONDS"),
        ("gateway_loglevel", "GATEWAY_LOG_LEVEL"),
        ("GATEWAY_ADMINPORT", "GATEWAY_ADMIN_PORT"),
        ("GATEWAY_CONFIG_FILE", "GATEWAY_CONFIG"),
    ],
)
def test_an_unknown_variable_is_warned_of_with_a_suggestion(name: str, meant: str) -> None:
    (warning,) = unknown_variables({name: "s3cret", "PATH": "/bin"})
    assert warning == f"{name}: is no setting and has no effect (did you mean {meant}?)"


def test_an_unknown_variable_like_no_setting_is_warned_of_with_all_of_them() -> None:
    (warning,) = unknown_variables({"GATEWAY_XYZ": "1"})
    assert all(PREFIX + name.upper() in warning for name in Settings.model_fields)


def test_settings_and_what_kubernetes_injects_are_not_warned_of() -> None:
    settings = {PREFIX + name.upper(): "1" for name in Settings.model_fields}
    lower = {name.lower(): "1" for name in settings}
    injected = {
        "GATEWAY_SERVICE_HOST": "10.0.0.1",
        "GATEWAY_SERVICE_PORT": "80",
        "GATEWAY_SERVICE_PORT_HTTP": "80",
        "GATEWAY_PORT": "tcp://10.0.0.1:80",
        "GATEWAY_PORT_80_TCP": "tcp://10.0.0.1:80",
        "GATEWAY_PORT_80_TCP_ADDR": "10.0.0.1",
        "GATEWAY_API_SERVICE_HOST": "10.0.0.1",
        "GATEWAY_API_PORT": "tcp://10.0.0.1:80",
    }
    assert unknown_variables(settings | lower | injected) == []
    assert unknown_variables({"GATEWAY_PORT": "8080"}) != []


@pytest.mark.parametrize("name", ["ADMIN_PROTECT_READS", "ADMIN_PROTECT_METRICS"])
def test_protection_is_true_or_false(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert getattr(load_settings({}), name.lower()) is False
    monkeypatch.setenv(f"GATEWAY_{name}", "True")
    assert getattr(load_settings({}), name.lower()) is True
    monkeypatch.setenv(f"GATEWAY_{name}", "false")
    assert getattr(load_settings({}), name.lower()) is False
    assert problem_of(monkeypatch, f"GATEWAY_{name}", "maybe").what == "must be true or false"
