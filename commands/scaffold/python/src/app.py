"""The service {{pipeline}}: one function behind an HTTP API. Python's standard library is all it needs."""

import json
import os

GREETING = "Hello from {{pipeline}}"


def path_of(event):
    """The path below the stage: API Gateway gives `/prod/items` for `/items` of a stage named `prod`."""
    path = event.get("rawPath") or "/"
    stage = event.get("requestContext", {}).get("stage") or "$default"
    if path == f"/{stage}" or path.startswith(f"/{stage}/"):
        path = path[len(stage) + 1 :]
    return path or "/"


def handler(event, context):
    """Answers every request with the greeting and with what runs here."""
    answer = {
        "message": GREETING,
        "path": path_of(event),
        "stage": os.environ.get("STAGE", "local"),
        "version": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "local"),
    }
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer),
    }
