"""Answers requests to the REST API with a word from the layer."""

import json
import os

from words import WORD


def handler(event, context):
    item = event["pathParameters"]["id"]
    answer = {"message": f"item {item} is {WORD}", "stage": os.environ["STAGE"]}
    return {"statusCode": 200, "body": json.dumps(answer)}
