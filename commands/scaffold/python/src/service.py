"""What {{pipeline}} does. It knows no AWS: `handlers.py` brings the queue and the table of the stage."""

import json
import uuid

GREETING = "Hello from {{pipeline}}"


def answer(route, body, here, orders):
    """Answers a request with a status and an object. `here` says which stage and version answer."""
    if route == "GET /":
        return 200, {"message": GREETING, **here}
    if route == "GET /orders":
        return 200, {"orders": orders.all(), **here}
    if route == "POST /orders":
        item = item_in(body)
        if not item:
            return 400, {"message": 'An order is JSON, such as {"item": "tea"}.'}
        order = {"id": str(uuid.uuid4()), "item": item}
        orders.place(order)
        return 202, order
    return 404, {"message": f"There is no {route}."}


def item_in(body):
    """The item that a request orders; None if the request is not an order."""
    try:
        item = json.loads(body)["item"]
    except (KeyError, TypeError, ValueError):
        return None
    return item if isinstance(item, str) else None
