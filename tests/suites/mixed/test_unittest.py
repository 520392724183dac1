"""The standard library's own kind of tests."""

import unittest


class Numbers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.number = 4

    def setUp(self):
        self.addCleanup(lambda: None)

    def test_even(self):
        self.assertEqual(self.number % 2, 0)

    def test_odd(self):
        self.assertEqual(self.number % 2, 1)

    @unittest.skip("by decorator")
    def test_skipped(self):
        self.fail()

    @unittest.expectedFailure
    def test_expected_failure(self):
        self.fail()

    @unittest.expectedFailure
    def test_unexpected_success(self):
        pass


class BrokenClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("for all of the class")

    def test_one(self):
        pass

    def test_two(self):
        pass


class BrokenClassTearDown(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        raise RuntimeError("after the last of the class")

    def test_alone(self):
        pass


class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def test_awaits(self):
        pass
