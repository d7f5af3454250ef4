"""Answers a custom resource's request; the interface is that of the module that AWS adds to inline code."""

import json
from urllib.error import URLError
from urllib.request import Request, urlopen

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(event, context, responseStatus, responseData, physicalResourceId=None, noEcho=False, reason=None):
    """Puts the answer to the URL that CloudFormation gave. Without an answer the stack waits for an hour."""
    where = "See the log stream " + context.log_stream_name
    answer = {
        "Status": responseStatus,
        "Reason": reason or where,
        "PhysicalResourceId": physicalResourceId or context.log_stream_name,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }
    body = json.dumps(answer).encode("utf-8")
    # The URL is signed for an empty content type.
    request = Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""})
    try:
        with urlopen(request, timeout=30) as response:
            print("cfnresponse: status", response.status)
    except URLError as error:
        print("cfnresponse: could not answer:", error)
