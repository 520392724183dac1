import asyncio

import pytest
import pytest_asyncio


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def queue():
    queue = asyncio.Queue()
    yield queue
    assert queue.empty()


@pytest.mark.parametrize("number", range(6))
async def test_own_loop(number):
    await asyncio.sleep(0)
    assert asyncio.get_running_loop().is_running()


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("number", range(6))
async def test_session_loop(queue, number):
    await queue.put(number)
    assert await asyncio.wait_for(queue.get(), 5) == number


async def test_fails():
    await asyncio.sleep(0)
    assert False


async def test_skips():
    pytest.skip("not today")
