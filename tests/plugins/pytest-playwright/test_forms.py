def test_form(page):
    page.set_content("<input id='name'><button onclick='document.title = name.value'>Set")
    page.fill("#name", "a title")
    page.click("button")
    assert page.title()


def test_two_contexts(new_context):
    for _ in range(2):
        new_context().new_page().set_content("<p>one of two")
