"""Run with `python3 -m unittest discover -s tests`; every build does."""

import json
import os
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src"))

import app  # noqa: E402 (the path above has to come first)


def get(path, stage="$default"):
    """Calls the handler as API Gateway does for `GET path` on a stage."""
    event = {"version": "2.0", "rawPath": path, "requestContext": {"stage": stage}}
    response = app.handler(event, None)
    return response["statusCode"], json.loads(response["body"])


class Hello(unittest.TestCase):
    def test_it_greets(self):
        status, answer = get("/")
        self.assertEqual(status, 200)
        self.assertEqual(answer["message"], app.GREETING)
        self.assertEqual(answer["path"], "/")

    def test_it_says_which_stage_and_version_answer(self):
        with mock.patch.dict(os.environ, {"STAGE": "prod", "AWS_LAMBDA_FUNCTION_VERSION": "7"}):
            _, answer = get("/")
        self.assertEqual((answer["stage"], answer["version"]), ("prod", "7"))

    def test_the_stage_is_no_part_of_the_path(self):
        for raw, path in [("/prod", "/"), ("/prod/", "/"), ("/prod/items", "/items"), ("/products", "/products")]:
            with self.subTest(raw=raw):
                self.assertEqual(get(raw, stage="prod")[1]["path"], path)

    def test_an_event_without_a_path_is_answered(self):
        self.assertEqual(app.handler({}, None)["statusCode"], 200)


if __name__ == "__main__":
    unittest.main()
