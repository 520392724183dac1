from pytest_bdd import given, parsers, scenarios, then, when

scenarios("counter.feature")


@given(parsers.parse("a counter at {start:d}"), target_fixture="counter")
def counter(start):
    return [start]


@when(parsers.parse("it is pressed {times:d} times"))
def press(counter, times):
    counter[0] += times


@then(parsers.parse("it shows {shown:d}"))
def shows(counter, shown):
    assert counter == [shown]
