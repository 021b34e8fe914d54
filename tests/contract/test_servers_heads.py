"""Servers as they come take every delivery, however large the attributes of a message are.

Tomcat and Jetty are Debian's libtomcat10-embed-java and libjetty9-java with a JDK, Sanic is PyPI's.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.http.httpx_target import HttpxTarget
from gateway.adapters.http.native_target import NativeTarget
from gateway.core.delivery.disposition import Responded
from tests.builders import message
from tests.contract.deliveries import plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.messages.message import Message

JARS = Path("/usr/share/java")
TOMCAT = """
import jakarta.servlet.http.*;
import org.apache.catalina.startup.Tomcat;
public class Main {
  public static void main(String[] args) throws Exception {
    java.util.logging.LogManager.getLogManager().reset();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(args[0]);
    tomcat.setHostname("127.0.0.1");
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    var context = tomcat.addContext("", args[0]);
    Tomcat.addServlet(context, "events", new HttpServlet() {
      protected void doPost(HttpServletRequest request, HttpServletResponse response) {
        response.setStatus(204);
      }
    });
    context.addServletMappingDecoded("/*", "events");
    tomcat.start();
    System.out.println("port " + tomcat.getConnector().getLocalPort());
    System.in.read();
    System.exit(0);
  }
}
"""
JETTY = """
import javax.servlet.http.*;
import org.eclipse.jetty.server.*;
import org.eclipse.jetty.server.handler.AbstractHandler;
public class Main {
  public static void main(String[] args) throws Exception {
    Server server = new Server(new java.net.InetSocketAddress("127.0.0.1", 0));
    server.setHandler(new AbstractHandler() {
      public void handle(
          String target, Request base, HttpServletRequest request, HttpServletResponse response) {
        response.setStatus(204);
        base.setHandled(true);
      }
    });
    server.start();
    System.out.println("port " + ((ServerConnector) server.getConnectors()[0]).getLocalPort());
    System.in.read();
    System.exit(0);
  }
}
"""
SANIC = """
import socket, sys
from sanic import Sanic
from sanic.response import empty
if __name__ == "__main__":
    app = Sanic("events")
    app.config.MOTD = False
    @app.post("/events")
    async def events(request):
        return empty()
    listening = socket.create_server(("127.0.0.1", 0))
    print("port", listening.getsockname()[1], flush=True)
    app.run(sock=listening, single_process=True, access_log=False, motd=False)
"""
LARGE = {
    "one attribute of 7,800 characters": {"a": "x" * 7_800},
    "ten attributes of 790 characters": {f"a{number}": "x" * 790 for number in range(10)},
    "an attribute that just fits": {"a": "x" * 6_400},
    "baggage and tracestate": {
        "baggage": "b=" + "x" * 4_000,
        "tracestate": "t=" + "x" * 4_000,
        "traceparent": "00-" + "a" * 32,
    },
}


def java(*names: str) -> list[str] | None:
    """Return the command that runs a Java file on these jars, None where one is missing."""
    jars = [JARS / f"{name}.jar" for name in names]
    if not shutil.which("java") or not all(jar.exists() for jar in jars):
        return None
    return ["java", "-cp", ":".join(map(str, jars))]


SERVERS = {
    "tomcat": (
        java("tomcat10-embed-core", "tomcat10-annotations-api", "tomcat10-servlet-api"),
        "Main.java",
        TOMCAT,
    ),
    "jetty": (
        java("jetty9-server", "jetty9-http", "jetty9-io", "jetty9-util", "servlet-api"),
        "Main.java",
        JETTY,
    ),
    "sanic": (
        [sys.executable] if importlib.util.find_spec("sanic") else None,
        "service.py",
        SANIC,
    ),
}


@contextlib.asynccontextmanager
async def serving(name: str, folder: Path) -> AsyncIterator[str]:
    """Run a server and give its URL."""
    command, file, source = SERVERS[name]
    if command is None:
        pytest.skip(f"there is no {name}")
    (folder / file).write_text(source)
    process = await asyncio.create_subprocess_exec(
        *command,
        str(folder / file),
        str(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        line = b""
        while not line.startswith(b"port "):
            line = await process.stdout.readline()
            assert line, f"{name} has ended"
        yield f"http://127.0.0.1:{int(line.split()[1])}/events"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def deliver(target: NativeTarget | HttpxTarget, sent: Message) -> DeliveryResult:
    result: asyncio.Future[DeliveryResult] = asyncio.get_running_loop().create_future()
    target.bind(plan()).send(sent, result.set_result)
    return await result


@pytest.mark.timeout(120)
@pytest.mark.parametrize("make", [NativeTarget, HttpxTarget])
@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_as_it_comes_takes_messages_with_large_attributes(
    server: str, make: type[NativeTarget | HttpxTarget], tmp_path: Path
) -> None:
    async with serving(server, tmp_path) as url:
        target = make(url, [("x-team", "t" * 200)])
        results = {
            what: await deliver(target, message("{}", attributes=attributes))
            for what, attributes in LARGE.items()
        }
        await target.close()
    assert results == dict.fromkeys(LARGE, Responded(204))
