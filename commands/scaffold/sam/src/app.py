"""A function that answers every request. Replace it with your own code."""

import json
import os

GREETING = "Hello from {{pipeline}}"


def handler(event, context):
    answer = {
        "message": GREETING,
        "path": event.get("rawPath"),
        "stage": os.environ["STAGE"],
        "version": context.function_version,
    }
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer),
    }
