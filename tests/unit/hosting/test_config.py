"""hosting.config: what a wrong file is answered with, line by line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from hosting.config import ConfigError, Finding, NotBuilt, Section, differences, load
from hosting.sections import Address, File, Host, Port
from hosting.yaml_source import MAX_FILE_OCTETS


class Point(Section):
    transport: Annotated[str, NotBuilt("tls")] = "udp"
    address: Address = "127.0.0.1"
    port: Port = 5060
    webrtc: Annotated[bool, NotBuilt(but=False)] = False

    def problems(self) -> Iterator[Finding]:
        if self.transport == "udp" and self.port == 1:
            yield ("port",), "is 1"
            yield ("missing_here",), "is missed"

    def warnings(self) -> Iterator[Finding]:
        if self.port == 2:
            yield ("port",), "is 2"


class Sample(Section):
    name: str
    listen: tuple[Point, ...] = (Point(),)
    named: dict[str, Point] = {}
    key_file: File | None = None
    host: Host = "a.example"
    ratio: float = 1.0


Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "sample.yaml"
        path.write_bytes(text.encode())
        return path

    return write


def refusal(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, Sample)
    assert str(caught.value) == "\n".join(caught.value.lines)
    return [line.removeprefix(f"{path}:") for line in caught.value.lines]


def test_values_are_typed_and_frozen(write: Write) -> None:
    sample = load(
        write("name: x\nlisten:\n- port: 7\n- transport: tcp\nnamed: {a: {port: 8}}\nratio: 2\n"), Sample
    )
    assert [point.port for point in sample.listen] == [7, 5060]
    assert sample.named["a"].port == 8
    assert sample.ratio == 2.0
    with pytest.raises(ValueError, match="frozen"):
        setattr(sample, "name", "y")  # noqa: B010 - it is the refusal that is tested


def test_every_error_has_its_line_in_the_order_of_the_file(write: Write) -> None:
    text = (
        "name: 5\nlisten:\n  - port: 70000\n    prot: 3\n  - transport: tls\n  - webrtc: true\n"
        "named:\n  a:\n    address: localhost\nratio: .nan\nzzz: 1\n"
    )
    assert refusal(write(text)) == [
        "1: name: input should be a valid string",
        "3: listen.0.port: input should be less than or equal to 65535",
        "4: listen.0.prot: unknown key; did you mean port?",
        "5: listen.1.transport: tls is known, but not built yet",
        "6: listen.2.webrtc: true is known, but not built yet",
        "9: named.a.address: is not an IP address (names are not looked up here)",
        "10: ratio: input should be a finite number",
        "11: zzz: unknown key; known here: host, key_file, listen, name, named, ratio",
    ]


def test_rules_between_keys_point_to_the_key_or_its_parent(write: Write) -> None:
    assert refusal(write("name: x\nlisten:\n  -\n    port: 1\n")) == [
        "4: listen.0.port: is 1",
        "4: listen.0.missing_here: is missed",
    ]


def test_a_missing_key_points_to_its_parent(write: Write) -> None:
    assert refusal(write("# comment\n\nratio: 1\n")) == ["3: name: is missing and has no default"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "1: is empty", id="empty"),
        pytest.param("# nothing\n", "1: is empty", id="comments alone"),
        pytest.param("- 1\n", "1: is not a mapping of keys to values", id="a list"),
        pytest.param("just text", "1: is not a mapping of keys to values", id="a scalar"),
        pytest.param("name: x\nname: y\n", "2: name: stands twice, first on line 1", id="duplicate key"),
        pytest.param("name: [1\nratio: 2\n", "2: is not valid YAML: ", id="syntax"),
        pytest.param("name: x\n\tratio: 2\n", "2: is not valid YAML: ", id="tab"),
        pytest.param("name: \x01\n", "1: is not valid YAML: ", id="control character"),
        pytest.param("name: *x\n", "1: is not valid YAML: found undefined alias", id="undefined alias"),
        pytest.param("name: x\n--- y\n", "2: is not valid YAML: ", id="two documents"),
        pytest.param("? [a]\n: 1\n", "1: a key has to be plain text", id="a list as key"),
        pytest.param("name: !!binary aaaa\n", "1: name: a value of type ", id="binary"),
        pytest.param("name: 2020-01-01\n", "1: name: a value of type ", id="date"),
        pytest.param("name: !!python/name:os.system\n", "1: name: a value of type ", id="python object"),
        pytest.param("name: &a [*a]\n", "is nested deeper than 32", id="alias of itself"),
        pytest.param("name: " + "[" * 50 + "]" * 50, "is nested deeper than 32", id="deep"),
        pytest.param("name: " + "[" * 400, "is ", id="very deep"),
    ],
)
def test_files_that_are_no_configuration(write: Write, text: str, expected: str) -> None:
    (line,) = refusal(write(text))
    assert expected in line
    assert "\n" not in line


def test_aliases_are_written_out_only_so_far(write: Write) -> None:
    laughs = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    (line,) = refusal(write("\n".join(laughs)))
    assert "more than 50000 values" in line


def test_an_alias_that_is_used_twice_is_fine(write: Write) -> None:
    sample = load(write("name: x\nlisten: &l\n- &p {port: 9}\n- *p\nnamed: {a: *p}\n"), Sample)
    assert [sample.listen[1].port, sample.named["a"].port] == [9, 9]


def test_huge_file(write: Write) -> None:
    (line,) = refusal(write("name: x\n" + "#" * MAX_FILE_OCTETS))
    assert line == f"1: is longer than {MAX_FILE_OCTETS} octets"


def test_unreadable_files(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.yaml") == ["1: cannot be read: No such file or directory"]
    assert refusal(tmp_path) == ["1: cannot be read: Is a directory"]
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: x\nhost: \xe9\n")
    assert refusal(latin) == ["2: is not UTF-8"]


@pytest.mark.parametrize("value", ['"5060"', "5060.0", "true", "null", "-1"])
def test_values_are_not_coerced(write: Write, value: str) -> None:
    (line,) = refusal(write(f"name: x\nlisten: [{{port: {value}}}]\n"))
    assert line.startswith("2: listen.0.port: input should be ")


@pytest.mark.parametrize("host", ["a b", "-a", "a;b", "a\n", "", "x" * 256, "a@b"])
def test_hosts_that_would_break_a_header(write: Write, host: str) -> None:
    (line,) = refusal(write(f"name: x\nhost: {host!r}\n".replace("\\n", "\\\\n")))
    assert line.startswith("2: host: ")


def test_relative_paths_are_relative_to_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("name: x\nkey_file: key.pem\n")
    monkeypatch.chdir("/")
    assert refusal(path) == ["2: key_file: there is no such file"]
    (path.parent / "key.pem").touch()
    assert load(path, Sample).key_file == path.parent / "key.pem"


def test_errors_do_not_quote_what_they_refuse(write: Write) -> None:
    (line,) = refusal(write("name: [WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz]\n"))
    assert "WVNf" not in line


def test_warnings_have_the_form_of_errors(write: Write) -> None:
    path, seen = write("name: x\nlisten:\n- port: 2\n"), []
    load(path, Sample, seen.append)
    assert seen == [f"{path}:3: listen.0.port: is 2"]


def test_differences_name_leaves() -> None:
    class Outer(Section):
        point: Point = Point()
        ratio: float = 1.0

    assert differences(Outer(), Outer()) == []
    assert differences(Outer(), Outer(point=Point(port=5, transport="tcp"), ratio=2.0)) == [
        "point.transport",
        "point.port",
        "ratio",
    ]


def test_defaults_are_never_values_that_are_not_built() -> None:
    assert Point.model_validate(Point().model_dump()) == Point()


class Some(Section):
    points: Annotated[tuple[Point, ...], Field(min_length=1)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("points:\n  - port: 99999\n", "2: points.0.port: input should be less than or equal to 65535"),
        ("points: []\n", "1: points: tuple should have at least 1 item after validation, not 0"),
    ],
)
def test_a_wrong_item_is_not_a_missing_one_too(write: Write, text: str, wrong: str) -> None:
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load(path, Some)
    assert caught.value.lines == [f"{path}:{wrong}"]
