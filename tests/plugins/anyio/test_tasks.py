import anyio
import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture
async def streams():
    send, receive = anyio.create_memory_object_stream(1)
    async with send, receive:
        yield send, receive


@pytest.mark.parametrize("number", range(5))
async def test_streams(streams, number):
    send, receive = streams
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send.send, number)
        assert await receive.receive() == number


async def test_fails():
    with anyio.fail_after(0):
        await anyio.sleep_forever()


async def test_threads():
    assert await anyio.to_thread.run_sync(lambda: 42) == 42
