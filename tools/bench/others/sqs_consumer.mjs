// The usual in Node: sqs-consumer with batches of ten, undici with keep-alive, several consumers.
//
//     node sqs_consumer.mjs QUEUE_URL SINK_URL [CONSUMERS]
//
// A message is acknowledged after a 2xx and not otherwise. The version decides the service.

import { SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";
import { Pool } from "undici";

const [queueUrl, sink, consumers = "8"] = process.argv.slice(2);
const pool = new Pool(sink, { connections: 100, pipelining: 1 });
const sqs = new SQSClient({ endpoint: process.env.AWS_ENDPOINT_URL_SQS, region: "us-east-1" });

async function deliver(message) {
  const version = message.MessageAttributes?.version?.StringValue;
  const { statusCode, body } = await pool.request({
    path: version === "v2" ? "/canary" : "/stable",
    method: "POST",
    headers: { "content-type": "application/json", "x-aws-sqsd-msgid": message.MessageId },
    body: message.Body,
  });
  await body.dump();
  return statusCode >= 200 && statusCode < 300;
}

// Messages of a group in their order, and none after one that failed; groups side by side.
async function deliverInOrder(group) {
  const taken = [];
  for (const message of group) {
    if (!(await deliver(message))) break;
    taken.push(message);
  }
  return taken;
}

async function handleGroups(messages) {
  const groups = new Map();
  for (const message of messages) {
    const name = message.Attributes.MessageGroupId;
    groups.set(name, [...(groups.get(name) ?? []), message]);
  }
  const taken = await Promise.allSettled([...groups.values()].map(deliverInOrder));
  return taken.flatMap((group) => group.value ?? []);
}

async function handleAll(messages) {
  const taken = await Promise.allSettled(messages.map(deliver));
  return messages.filter((_, number) => taken[number].value === true);
}

const fifo = queueUrl.endsWith(".fifo");

for (let number = 0; number < Number(consumers); number += 1) {
  const consumer = Consumer.create({
    queueUrl,
    sqs,
    batchSize: 10,
    waitTimeSeconds: 1,
    messageAttributeNames: ["All"],
    messageSystemAttributeNames: fifo ? ["MessageGroupId"] : [],
    handleMessageBatch: fifo ? handleGroups : handleAll,
  });
  for (const event of ["error", "processing_error"]) {
    consumer.on(event, (error) => console.error(error.message));
  }
  consumer.start();
}

process.on("SIGTERM", () => process.exit(0));
