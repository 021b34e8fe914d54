"""The three examples of docs/how-to/the-handler-your-service-needs.md take messages as it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests.docs import frameworks
from tests.docs.generate import ROOT
from tests.integration.children import free_port
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PAGE: Final = (ROOT / "docs/how-to/the-handler-your-service-needs.md").read_text("utf-8")
LARGEST: Final = json.dumps({"id": "x" * (1024 * 1024 - len('{"id": ""}'))})
ACKS: Final = {200, 204}
REJECTS: Final = {400, 422}
RETRIES: Final = {500}
BODIES: Final = (
    ("once", '{"id": 7}', ACKS),
    ("once", '{"id": 7}', ACKS),  # again: nothing is done
    ("no id", '{"other": 7}', REJECTS),
    ("not json", "{", REJECTS),
    ("fails", '{"id": "fails"}', RETRIES),
    ("fails", '{"id": "fails"}', RETRIES),  # a failure is not remembered as done
    ("largest", LARGEST, ACKS),
)
"""Message id, body, and the statuses that are right."""


def example(language: str) -> str:
    """Return the one block of that language, of at most twelve lines and empty ones."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert sum(bool(line.strip()) for line in block.splitlines()) <= 12
    return str(block)


def headers(message_id: str) -> dict[str, str]:
    """As the gateway sends them; a connection each, since uvicorn closes one after a 500."""
    own = {"content-type": "application/json", "version": "v1", "connection": "close"}
    return {"x-aws-sqsd-msgid": message_id, **own}


@contextmanager
def serving(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], port: int
) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """Run a service until the end; give a client of it once it listens."""
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=log, stderr=log
        ) as child,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=False) as client,
    ):
        try:
            until(lambda: _listens(client, child), f"{command[0]} to listen")
            yield client, child
        finally:
            child.kill()


def _listens(client: httpx.Client, child: subprocess.Popen[bytes]) -> bool:
    assert child.poll() is None
    try:
        client.get("/nowhere")
    except httpx.TransportError:
        return False
    return True


def _takes_all(client: httpx.Client, child: subprocess.Popen[bytes]) -> None:
    for message_id, body, right in BODIES:
        response = client.post("/events", content=body, headers=headers(message_id))
        assert response.status_code in right, (message_id, response.text[:300])
    child.terminate()
    assert child.wait(30) in {0, -15}


def _worked(folder: Path) -> list[str]:
    return (folder / "worked").read_text().split()


def test_express(tmp_path: Path) -> None:
    modules = frameworks.express()
    work = 'require("fs").appendFileSync("worked", "x\\n")'
    fails = 'if (order.id === "fails") throw new Error("fails");'
    given = f"const work = async (order) => {{ {fails} {work}; }};\n"
    (tmp_path / "service.js").write_text(given + example("js"))
    (tmp_path / "node_modules").symlink_to(modules / "node_modules")
    port = free_port()
    with serving(["node", "service.js"], tmp_path, {"PORT": str(port)}, port) as (client, child):
        _takes_all(client, child)
    assert _worked(tmp_path) == ["x", "x"]


def test_fastapi(tmp_path: Path) -> None:
    path = frameworks.fastapi()
    given = (
        "def work(order):\n    assert order['id'] != 'fails'\n    open('worked', 'a').write('x ')"
    )
    (tmp_path / "service.py").write_text(f"{given}\n\n{example('python')}")
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--port", str(port), "service:app"]
    with serving(command, tmp_path, {"PYTHONPATH": f"{path}:{tmp_path}"}, port) as (client, child):
        _takes_all(client, child)
    assert _worked(tmp_path) == ["x", "x"]


IMPORTS: Final = """\
import java.util.*;
import java.util.concurrent.*;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.*;
"""
WORK: Final = """
  int worked;
  void work(Map<String, Object> order) {
    if ("fails".equals(order.get("id"))) throw new IllegalStateException("fails");
    worked++;
  }
}
"""
ASKER: Final = """\
import static org.springframework.test.web.servlet.request.MockMvcRequestBuilders.post;
import java.nio.file.*;
import org.springframework.test.web.servlet.MockMvc;
import org.springframework.test.web.servlet.setup.MockMvcBuilders;
import org.springframework.web.util.NestedServletException;

public class Asker {
  public static void main(String[] bodies) throws Exception {
    Events events = new Events();
    MockMvc mvc = MockMvcBuilders.standaloneSetup(events).build();
    for (int n = 0; n < bodies.length; n += 2) {
      byte[] body = Files.readAllBytes(Paths.get(bodies[n + 1]));
      try {
        System.out.println(mvc.perform(post("/events").header("x-aws-sqsd-msgid", bodies[n])
            .contentType("application/json").content(body)).andReturn().getResponse().getStatus());
      } catch (NestedServletException thrown) {
        System.out.println(500); // what a server makes of it
      }
    }
    System.out.println(events.worked);
  }
}
"""


def test_spring(tmp_path: Path) -> None:
    jars = os.pathsep.join([str(tmp_path), *map(str, frameworks.spring())])
    (tmp_path / "Asker.java").write_text(ASKER)
    (tmp_path / "Events.java").write_text(IMPORTS + example("java").rstrip().rstrip("}") + WORK)
    java = ["javac", "-cp", jars, "Asker.java", "Events.java"]
    subprocess.run(java, cwd=tmp_path, check=True, capture_output=True)
    words = []
    for number, (message_id, body, _) in enumerate(BODIES):
        (tmp_path / str(number)).write_text(body)
        words += [message_id, str(number)]
    asked = ["java", "-cp", jars, "Asker", *words]
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True)
    *statuses, worked = map(int, done.stdout.split())
    for (message_id, _, right), status in zip(BODIES, statuses, strict=True):
        assert status in right, message_id
    assert worked == 2


@pytest.mark.parametrize("limit", ["", '{ limit: "1mb" }'])
def test_express_takes_100_kb_and_rejects_more_unless_it_is_told(
    limit: str, tmp_path: Path
) -> None:
    modules = frameworks.express()
    told = example("js").replace('{ limit: "1mb" }', limit)
    (tmp_path / "service.js").write_text(f"const work = () => {{}};\n{told}")
    (tmp_path / "node_modules").symlink_to(modules / "node_modules")
    port = free_port()
    with serving(["node", "service.js"], tmp_path, {"PORT": str(port)}, port) as (client, _):
        sizes = [102_400 - 10, 102_400, 1024 * 1024 - 10]
        bodies = [json.dumps({"id": "x" * size}) for size in sizes]
        statuses = [
            client.post("/events", content=body, headers=headers(str(size))).status_code
            for size, body in zip(sizes, bodies, strict=True)
        ]
    assert statuses == ([204, 204, 204] if limit else [204, 413, 413])
