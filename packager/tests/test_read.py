import pytest

from sluice_package.problems import Refused
from sluice_package.read import MOST_NODES, read_template


def read(tmp_path, text):
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    return read_template(path, "template.yaml")


@pytest.mark.parametrize(
    "text, value",
    [
        ("!Ref X", {"Ref": "X"}),
        ("!GetAtt A.B.C", {"Fn::GetAtt": ["A", "B.C"]}),
        ("!GetAtt [A, B]", {"Fn::GetAtt": ["A", "B"]}),
        ("!Sub '${A}'", {"Fn::Sub": "${A}"}),
        ("!If [C, !Ref X, 1]", {"Fn::If": ["C", {"Ref": "X"}, 1]}),
        ("!Condition C", {"Condition": "C"}),
        ("2012-10-17", "2012-10-17"),
        ("000123456701", "000123456701"),
        ("10:30", "10:30"),
        ("12", 12),
        ("1.5", 1.5),
        ("'12'", "12"),
        ("yes", True),
        ("~", None),
        ("'true'", "true"),
        ("!!str 1", "1"),
    ],
)
def test_values(tmp_path, text, value):
    assert read(tmp_path, f"A: {text}").data == {"A": value}


def test_aliases_merges_and_lines(tmp_path):
    text = "X: &x\n  a: 1\n  b: 2\nY:\n  <<: *x\n  b: 3\nResources:\n  F:\n    Type: T\n    Properties:\n      P: *x\n"
    found = read(tmp_path, text)
    assert found.data["Y"] == {"a": 1, "b": 3}
    assert found.data["Resources"]["F"]["Properties"]["P"] == {"a": 1, "b": 2}
    assert found.lines[("F",)] == 8 and found.lines[("F", "P")] == 11


def test_json_has_lines_and_may_have_tabs(tmp_path):
    assert read(tmp_path, '{\n"Resources": {\n"F": {}}}').lines == {("F",): 3}
    assert read(tmp_path, '{\n\t"A":\t1}').data == {"A": 1}


LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))


@pytest.mark.parametrize(
    "text, problem",
    [
        (LAUGHS, f"more than {MOST_NODES:,}"),
        ("a: &a [*a]", "contains itself"),
        ("a: " + "[" * 500_000, "nested deeper"),
        ("[" * 500_000, "nested"),
        ("{" * 500_000, "nested"),
        ("x" * 1024 * 1024 + "y", "larger than 1 MiB"),
        ("a: [", "not valid YAML"),
        ("- a", "not a mapping"),
        ("Resources:\n  A: 1\n  A: 2", "there twice"),
        ("[a]: 1", "not a plain word"),
        ("? {a: b}\n: 1", "not a plain word"),
    ],
)
def test_hostile_input_is_refused(tmp_path, text, problem):
    with pytest.raises(Refused) as refused:
        read(tmp_path, text)
    assert problem in str(refused.value.problem)


def test_tags_construct_nothing(tmp_path):
    found = read(tmp_path, "a: !!python/object/apply:os.system ['touch /tmp/never']")
    assert found.data == {"a": ["touch /tmp/never"]}
