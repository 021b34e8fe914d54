"""A service as its team would write it in Python: Flask and boto3, nothing of versions or traces.

It takes an order by POST /events, adds its name to the path, and sends the order to a queue. With
NEXT_BATCH it sends a batch of that many.
"""

from __future__ import annotations

import json
import os

import boto3
from flask import Flask, request

NAME = os.environ["NAME"]
sqs = boto3.client("sqs")
app = Flask(__name__)


@app.post("/events")
def events() -> dict[str, str]:
    order = request.get_json(force=True)
    order["path"] = [*order.get("path", ()), NAME]
    url = sqs.get_queue_url(QueueName=os.environ["NEXT_QUEUE"])["QueueUrl"]
    body = json.dumps(order)
    if count := int(os.environ.get("NEXT_BATCH", "0")):
        entries = [{"Id": str(number), "MessageBody": body} for number in range(count)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
        return {"sent": str(count)}
    return {"sent": sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"]}


@app.get("/healthz")
def healthz() -> str:
    return "ok"


app.run("127.0.0.1", int(os.environ["PORT"]), threaded=True)
