"""Run with `python3 -m unittest discover -s tests`; every build does."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src"))

import service  # noqa: E402 (the path above has to come first)

HERE = {"stage": "prod", "version": "7"}


class Orders:
    """Orders in memory, instead of a queue and a table."""

    def __init__(self):
        self.placed = []

    def place(self, order):
        self.placed.append(order)

    def all(self):
        return self.placed


class Service(unittest.TestCase):
    def setUp(self):
        self.orders = Orders()

    def ask(self, route, body=None):
        return service.answer(route, body, HERE, self.orders)

    def test_it_greets_and_says_which_stage_and_version_answer(self):
        status, answer = self.ask("GET /")
        self.assertEqual((status, answer), (200, {"message": service.GREETING, "stage": "prod", "version": "7"}))

    def test_an_order_is_placed_and_listed(self):
        status, order = self.ask("POST /orders", '{"item": "tea"}')
        self.assertEqual((status, order["item"]), (202, "tea"))
        self.assertEqual(self.ask("GET /orders"), (200, {"orders": [order], **HERE}))

    def test_two_orders_of_one_item_are_two(self):
        ids = {self.ask("POST /orders", '{"item": "tea"}')[1]["id"] for _ in range(2)}
        self.assertEqual(len(ids), 2)

    def test_what_is_no_order_is_refused(self):
        for body in [None, "", "tea", "[]", "{}", '{"item": ""}', '{"item": 3}']:
            with self.subTest(body=body):
                self.assertEqual(self.ask("POST /orders", body)[0], 400)
        self.assertEqual(self.orders.placed, [])

    def test_an_unknown_route_is_not_found(self):
        self.assertEqual(self.ask("GET /nowhere")[0], 404)


if __name__ == "__main__":
    unittest.main()
