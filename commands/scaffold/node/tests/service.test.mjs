// Run with `node --test`; every build does.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { GREETING, answer } from "../src/service.mjs";

const HERE = { stage: "prod", version: "7" };
let placed;
/** Orders in memory, instead of a queue and a table. */
const orders = { place: async (order) => void placed.push(order), all: async () => placed };
const ask = (route, body) => answer(route, body, HERE, orders);

beforeEach(() => {
  placed = [];
});

test("it greets and says which stage and version answer", async () => {
  assert.deepEqual(await ask("GET /"), [200, { message: GREETING, stage: "prod", version: "7" }]);
});

test("an order is placed and listed", async () => {
  const [status, order] = await ask("POST /orders", '{"item": "tea"}');
  assert.deepEqual([status, order.item], [202, "tea"]);
  assert.deepEqual(await ask("GET /orders"), [200, { orders: [order], ...HERE }]);
});

test("two orders of one item are two", async () => {
  const [[, one], [, other]] = [await ask("POST /orders", '{"item": "tea"}'), await ask("POST /orders", '{"item": "tea"}')];
  assert.notEqual(one.id, other.id);
});

test("what is no order is refused", async () => {
  for (const body of [undefined, "", "tea", "null", "[]", "{}", '{"item": ""}', '{"item": 3}']) {
    const [status] = await ask("POST /orders", body);
    assert.equal(status, 400, body);
  }
  assert.deepEqual(placed, []);
});

test("an unknown route is not found", async () => {
  const [status] = await ask("GET /nowhere");
  assert.equal(status, 404);
});
