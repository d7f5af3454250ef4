// What {{pipeline}} does. It knows no AWS: handlers.mjs brings the queue and the table of the stage.

import { randomUUID } from "node:crypto";

export const GREETING = "Hello from {{pipeline}}";

/** Answers a request with a status and an object. `here` says which stage and version answer. */
export async function answer(route, body, here, orders) {
  switch (route) {
    case "GET /":
      return [200, { message: GREETING, ...here }];
    case "GET /orders":
      return [200, { orders: await orders.all(), ...here }];
    case "POST /orders": {
      const item = itemIn(body);
      if (!item) return [400, { message: 'An order is JSON, such as {"item": "tea"}.' }];
      const order = { id: randomUUID(), item };
      await orders.place(order);
      return [202, order];
    }
    default:
      return [404, { message: `There is no ${route}.` }];
  }
}

/** The item that a request orders; undefined if the request is not an order. */
function itemIn(body) {
  try {
    const { item } = JSON.parse(body);
    return typeof item === "string" ? item : undefined;
  } catch {
    return undefined;
  }
}
