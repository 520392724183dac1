"""Which threads keep a template from forking."""

import pytest

from pnl_worker import threads

SERVER = """
    import http.server, threading

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello from the template")
        def log_message(self, *_): pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, name="server", daemon=True).start()
"""

ACCEPTS = """
    import socket, threading

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    threading.Thread(target=listener.accept, name="accepts", daemon=True).start()
"""

EVENT_LOOP = """
    import asyncio, threading

    async def serve(started):
        await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        started.set()
        await asyncio.Event().wait()

    started = threading.Event()
    threading.Thread(target=lambda: asyncio.run(serve(started)), name="loop", daemon=True).start()
    started.wait()
"""

TQDM = """
    import threading

    class TMonitor(threading.Thread):
        __module__ = "tqdm._monitor"
        def run(self): threading.Event().wait()

    TMonitor(daemon=True).start()
"""


@pytest.mark.parametrize("start", [SERVER, ACCEPTS, EVENT_LOOP, TQDM])
def test_one_that_only_waits_for_others_is_harmless(controller, start):
    controller.write(conftest=start, test_a="def test_a(): pass")
    controller.start("template")
    _, ready = controller.accept("template").collected()
    assert ready["threads"] == []


def test_a_server_of_the_template_answers_workers(controller):
    controller.write(
        conftest=SERVER,
        test_a="""
            import conftest, urllib.request
            def test_a():
                url = f"http://127.0.0.1:{conftest.server.server_port}"
                assert urllib.request.urlopen(url, timeout=20).read() == b"hello from the template"
        """,
    )
    template, _ = controller.template()
    worker, _ = controller.fork(template)
    worker.say("run", tests=[0])
    worker.say("finish")
    assert [it["outcome"] for it in worker.rest() if it["t"] == "done"] == ["passed"]


@pytest.mark.parametrize(
    "target",
    [
        # Waits for work that somebody in a fork may give it, and wait for.
        "import queue; wait = queue.SimpleQueue().get",
        # Waits for one connection's next bytes, not for new connections.
        "import socket; pair = socket.socketpair(); wait = pair[0].recv; arguments = (1,)",
        # Is at work.
        """
        def wait():
            while True: sum(range(1000))
        """,
    ],
)
def test_another_one_is_named_with_its_place(controller, target):
    import textwrap

    text = "import threading\narguments = ()\n" + textwrap.dedent(target).strip()
    text += "\ndef loop(): wait(*arguments)\n"
    text += "threading.Thread(target=loop, name='busy', daemon=True).start()\n"
    controller.write(test_a="def test_a(): pass")
    (controller.suite / "conftest.py").write_text(text)
    controller.start("template")
    _, ready = controller.accept("template").collected()
    assert len(ready["threads"]) == 1
    named = ready["threads"][0]
    assert named.startswith("busy, in ") and str(controller.suite / "conftest.py") in named, named


def test_only_the_libraries_of_openblas_are_counted():
    maps = """
    7f00-7f01 r-xp 00000000 08:01 12 /venv/numpy.libs/libscipy_openblas64_-8fb3.so
    7f02-7f03 r--p 00000000 08:01 12 /venv/numpy.libs/libscipy_openblas64_-8fb3.so
    7f04-7f05 r-xp 00000000 08:01 13 /venv/scipy.libs/libscipy_openblas-68440149.so
    7f06-7f07 r-xp 00000000 08:01 14 /usr/lib/libblas.so.3
    """
    assert len(set(threads._openblas(maps))) == 2
