import os
import socket
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("number", range(6))
def test_display(number):
    display = os.environ["DISPLAY"]
    (HERE / f"display-{number}").write_text(display)
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(f"/tmp/.X11-unix/X{display.lstrip(':').partition('.')[0]}")
