"""200 deliveries at once, the default, to servers as they come that take few connections.

Django, CherryPy and uWSGI (`pyuwsgi`) are PyPI's.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sys
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from gateway.adapters.http.native_target import NativeTarget
from gateway.core.delivery.disposition import Responded
from tests.contract.deliveries import post
from tests.integration.children import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MESSAGES: Final = 2_000
PATIENT_SECONDS: Final = 100.0
"""A SYN that is dropped is sent again after 1, 3, 7, 15 and 31 s."""
AT_ONCE: Final = 200
"""The default of `max_in_flight`."""

NOTING = """
import os
done = os.open({done!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def note(body):
    os.write(done, body + b"\\n")
"""
DJANGO = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path
def events(request):
    note(request.body)
    return HttpResponse(b"done")
urlpatterns = [path("events", events)]
if __name__ == "__main__":
    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True)
    execute_from_command_line(["manage.py", "runserver", "--noreload", "127.0.0.1:{port}"])
"""
CHERRYPY = """
import cherrypy
class Events:
    @cherrypy.expose
    def events(self):
        note(cherrypy.request.body.read())
        return b"done"
cherrypy.config.update({{"server.socket_host": "127.0.0.1", "server.socket_port": {port}}})
cherrypy.quickstart(Events())
"""
UWSGI = """
import sys
def application(environ, start_response):
    note(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    start_response("200 OK", [("content-length", "4")])
    return [b"done"]
if __name__ == "__main__":
    import pyuwsgi
    pyuwsgi.run(["--http11-socket", "127.0.0.1:{port}", "--processes", "4", "--master",
                 "--die-on-term", "--wsgi-file", __file__])
"""
SERVERS: Final = {
    "django": (DJANGO, "django"),
    "cherrypy": (CHERRYPY, "cherrypy"),
    "uwsgi": (UWSGI, "pyuwsgi"),
}


class Serving:
    """A server that runs; it notes each body that it has worked on."""

    def __init__(self, url: str, done: Path) -> None:
        self.url = url
        self._done = done

    def counts(self) -> Counter[bytes]:
        """Return how often each body was worked on."""
        return Counter(self._done.read_bytes().split())


@contextlib.asynccontextmanager
async def serving(name: str, folder: Path) -> AsyncIterator[Serving]:
    """Run a server until the end of the block."""
    source, package = SERVERS[name]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"there is no {package}")
    port, done, file = free_port(), folder / "done", folder / "service.py"
    file.write_text(NOTING.format(done=str(done)) + source.format(port=port))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(file)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        while not await listens(port):
            assert process.returncode is None, f"{name} has ended"
            await asyncio.sleep(0.05)
        yield Serving(f"http://127.0.0.1:{port}/events", done)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", SERVERS)
async def test_a_small_server_does_each_of_2000_messages_once(name: str, tmp_path: Path) -> None:
    bodies = [b"%d" % at for at in range(MESSAGES)]
    async with serving(name, tmp_path) as server:
        target = NativeTarget(server.url, max_idle=AT_ONCE)
        under_way = asyncio.Semaphore(AT_ONCE)

        async def deliver(body: bytes) -> object:
            async with under_way:
                return await post(target, body, PATIENT_SECONDS)

        results = await asyncio.gather(*map(deliver, bodies))
        await target.close()
        counts = server.counts()
    assert Counter(map(repr, results)) == Counter({repr(Responded(200)): MESSAGES})
    assert counts == dict.fromkeys(bodies, 1)
