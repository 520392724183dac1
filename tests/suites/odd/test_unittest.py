import asyncio
import unittest


class Once(unittest.TestCase):
    ups = 0

    @classmethod
    def setUpClass(cls):
        cls.ups += 1
        cls.resource = ["up"]

    @classmethod
    def tearDownClass(cls):
        cls.resource.clear()

    def setUp(self):
        self.assertEqual(self.resource, ["up"])

    def test_first(self):
        self.assertEqual(self.ups, 1)

    def test_second(self):
        self.assertEqual(self.ups, 1)

    def test_fails(self):
        self.fail("as it should")

    @unittest.skip("not today")
    def test_skipped(self):
        raise AssertionError

    @unittest.expectedFailure
    def test_expected(self):
        self.assertEqual(1, 2)

    @unittest.expectedFailure
    def test_unexpected(self):
        pass

    def test_skip_inside(self):
        raise unittest.SkipTest("from inside")

    def test_parts(self):
        for number in range(4):
            with self.subTest(number=number):
                self.assertNotEqual(number, 2)

    def test_good_parts(self):
        for number in range(3):
            with self.subTest(number=number):
                pass

    def test_cleanup_fails(self):
        self.addCleanup(self.fail, "in the clean-up")


class BrokenSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("no class")

    def test_one(self):
        pass

    def test_two(self):
        pass


class BrokenTearDown(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        raise RuntimeError("no end")

    def test_one(self):
        pass

    def test_two(self):
        pass


class SkippedSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("the whole class")

    def test_one(self):
        pass


class Async(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        await asyncio.sleep(0)
        self.ready = True

    async def test_awaits(self):
        await asyncio.sleep(0)
        self.assertTrue(self.ready)

    async def test_fails(self):
        await asyncio.sleep(0)
        self.fail("after a while")


def setUpModule():
    Once.module = True


def tearDownModule():
    del Once.module
