# SPDX-License-Identifier: MIT
"""What gunicorn serves in the tests: says which process answers."""
import json
import os


def app(environ, start_response):
    body = json.dumps({"pid": os.getpid(), "worker": 0}, separators=(",", ":")).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
