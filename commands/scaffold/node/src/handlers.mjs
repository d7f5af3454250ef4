// What Lambda calls: the three functions of template.yaml, with the queue and the table of their stage. Lambda's Node brings the SDK.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient, PutCommand, ScanCommand, paginateScan } from "@aws-sdk/lib-dynamodb";

import { answer } from "./service.mjs";

const { QUEUE, STAGE, TABLE } = process.env;
const sqs = new SQSClient();
const table = DynamoDBDocumentClient.from(new DynamoDBClient());

/** The orders of this stage: placed in its queue, kept in its table. */
const orders = {
  place: (order) => sqs.send(new SendMessageCommand({ QueueUrl: QUEUE, MessageBody: JSON.stringify(order) })),
  // The first megabyte. A table that grows wants an index and a query.
  all: async () => (await table.send(new ScanCommand({ TableName: TABLE }))).Items,
};

/** Answers a request to the HTTP API. */
export async function api(event, context) {
  const here = { stage: STAGE, version: context.functionVersion };
  const [statusCode, body] = await answer(event.routeKey, event.body, here, orders);
  return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** Keeps the orders of a batch. SQS may deliver one twice, which writes the same item again. */
export async function store(event) {
  for (const record of event.Records) {
    await table.send(new PutCommand({ TableName: TABLE, Item: JSON.parse(record.body) }));
  }
}

/** Logs the number of orders once a day. `/pipeline logs {{pipeline}}` shows it. */
export async function count() {
  let orders = 0;
  for await (const page of paginateScan({ client: table }, { TableName: TABLE, Select: "COUNT" })) {
    orders += page.Count;
  }
  console.log(JSON.stringify({ orders }));
}
