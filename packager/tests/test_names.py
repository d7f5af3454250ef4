import zipfile

from sluice_package import names
from sluice_package.zips import Zip


def archive(folder, **files):
    path = folder / "code.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "."), content)
    return Zip(path, b"", frozenset(), 0)


def template(**resources):
    found = {name: {"Type": kind, "Properties": values} for name, (kind, values) in resources.items()}
    return {"Resources": found, "Parameters": {"Bucket": {"Default": "parcels"}, "Size": {"Default": 3}}}


def test_names_are_looked_for_in_the_code(tmp_path):
    given = template(
        Orders=("AWS::DynamoDB::Table", {"TableName": "orders"}),
        Jobs=("AWS::SQS::Queue", {"QueueName": "jobs.fifo", "KmsMasterKeyId": "alias/x"}),
        Own=("AWS::SNS::Topic", {"TopicName": {"Fn::Sub": "${Stage}-news"}}),
        Fn=("AWS::Lambda::Function", {"FunctionName": "hello"}),
    )
    code = archive(tmp_path, app__py='TABLE = "orders"\n')
    assert names.in_code(given, [code]) == {"jobs.fifo": False, "orders": True, "parcels": False}


def test_code_that_is_elsewhere_may_have_all_of_them():
    given = template(Orders=("AWS::DynamoDB::Table", {"TableName": "orders"}))
    assert names.in_code(given, [], is_whole=False) == {"orders": True, "parcels": True}


def test_what_cannot_be_read_may_have_them(tmp_path, monkeypatch):
    given = template(Orders=("AWS::DynamoDB::Table", {"TableName": "orders"}))
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK")
    assert names.in_code(given, [Zip(broken, b"", frozenset(), 0)]) == {"orders": True, "parcels": True}
    monkeypatch.setattr(names, "LARGEST_FILE", 2)
    assert names.in_code(given, [archive(tmp_path, a__py="xyz")]) == {"orders": True, "parcels": True}
