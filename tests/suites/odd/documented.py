"""A module with examples.

>>> 1 + 1
2
"""


def good():
    """
    >>> good()
    'good'
    """
    return "good"


def bad():
    """
    >>> bad()
    'good'
    """
    return "bad"


def skipped():
    """
    >>> skipped()  # doctest: +SKIP
    1
    """


class Thing:
    """
    >>> Thing().x
    1
    """

    x = 1
