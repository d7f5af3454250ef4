"""What Lambda calls: the three functions of template.yaml, with the queue and the table of their stage."""

import json
import os

import boto3

import service

sqs = boto3.client("sqs")
dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(os.environ["TABLE"])


class Orders:
    """The orders of this stage: placed in its queue, kept in its table."""

    def place(self, order):
        sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(order))

    def all(self):
        # The first megabyte. A table that grows wants an index and a query.
        return table.scan()["Items"]


def api(event, context):
    """Answers a request to the HTTP API."""
    here = {"stage": os.environ["STAGE"], "version": context.function_version}
    status, answer = service.answer(event["routeKey"], event.get("body"), here, Orders())
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer),
    }


def store(event, context):
    """Keeps the orders of a batch. SQS may deliver one twice, which writes the same item again."""
    for record in event["Records"]:
        table.put_item(Item=json.loads(record["body"]))


def count(event, context):
    """Logs the number of orders once a day. `/pipeline logs {{pipeline}}` shows it."""
    pages = dynamodb.meta.client.get_paginator("scan").paginate(TableName=table.name, Select="COUNT")
    print(json.dumps({"orders": sum(page["Count"] for page in pages)}))
