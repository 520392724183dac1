def test_z(): pass
