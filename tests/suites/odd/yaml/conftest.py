import pytest


def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".spec":
        return SpecFile.from_parent(parent, path=file_path)


class SpecFile(pytest.File):
    def collect(self):
        for line in self.path.read_text().splitlines():
            name, _, expected = line.partition("=")
            yield SpecItem.from_parent(self, name=name.strip(), expected=expected.strip())


class SpecFailed(Exception):
    pass


class SpecItem(pytest.Item):
    def __init__(self, *, expected, **rest):
        super().__init__(**rest)
        self.expected = expected

    def runtest(self):
        if self.expected == "skip":
            pytest.skip("as it says")
        if str(len(self.name)) != self.expected:
            raise SpecFailed(self.name, self.expected)

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, SpecFailed):
            return f"spec failed: {excinfo.value.args}"
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, f"spec {self.name}"
