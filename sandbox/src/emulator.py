"""Starts ministack with one change: functions get credentials that name their role.

Without it all functions share the account's credentials, and the sandbox cannot tell which policies apply to a call.
The access key is SANDBOX_ROLE_KEY, and the session token is `role:` and the role's ARN.
"""

import os
import sys

from ministack import app
from ministack.core import lambda_runtime
from ministack.services import lambda_svc

KEY = os.environ.pop("SANDBOX_ROLE_KEY")


def execution_credentials(config):
    return {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": "of-the-sandbox",
        "AWS_SESSION_TOKEN": "role:" + config.get("Role", ""),
    }


for module in (lambda_runtime, lambda_svc):
    if not hasattr(module, "execution_credentials"):
        sys.exit(f"{module.__name__} has no execution_credentials: this version of ministack is not supported")
    module.execution_credentials = execution_credentials

sys.argv = ["ministack"]
app.main()
