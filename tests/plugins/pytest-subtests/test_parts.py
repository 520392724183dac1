import unittest

import pytest


@pytest.mark.parametrize("number", range(4))
def test_parts_pass(subtests, number):
    for part in range(3):
        with subtests.test(part=part):
            assert part < 3


def test_one_part_fails(subtests):
    for part in range(3):
        with subtests.test(part=part):
            assert part != 1


def test_part_skips(subtests):
    with subtests.test("skipped"):
        pytest.skip("not today")


def test_part_and_whole_fail(subtests):
    with subtests.test("first"):
        assert False
    assert False


class Numbers(unittest.TestCase):
    def test_parts(self):
        for number in range(4):
            with self.subTest(number=number):
                self.assertNotEqual(number, 2)

    def test_part_skips(self):
        with self.subTest("skipped"):
            self.skipTest("not today")
