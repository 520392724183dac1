def test_text(snapshot):
    assert "some text" == snapshot
