// B, B1, C or C1 as its team would write it in Node: it knows of no version and of no OpenTelemetry.
// It takes an order by POST /events, adds its name to the path, and sends the order on: to a queue
// with the plain SDK (NEXT_QUEUE), or to a service (NEXT_URL). NAME and PORT are its own.
'use strict';

const http = require('node:http');
const { GetQueueUrlCommand, SendMessageCommand, SQSClient } = require('@aws-sdk/client-sqs');

const { HOST = '127.0.0.1', NAME, NEXT_QUEUE, NEXT_URL, PORT } = process.env;
const sqs = new SQSClient({});
let queue;

async function findQueue() {
  queue ??= (await sqs.send(new GetQueueUrlCommand({ QueueName: NEXT_QUEUE }))).QueueUrl;
  return queue;
}

async function sendToQueue(order) {
  const command = { QueueUrl: await findQueue(), MessageBody: JSON.stringify(order) };
  return (await sqs.send(new SendMessageCommand(command))).MessageId;
}

function call(order) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const request = http.request(NEXT_URL, { method: 'POST', headers, agent }, (response) => {
      response.resume();
      response.on('end', () => {
        const failed = response.statusCode >= 400;
        failed ? reject(new Error(`${NEXT_URL}: ${response.statusCode}`)) : resolve(NEXT_URL);
      });
    });
    request.on('error', reject);
    request.end(JSON.stringify(order));
  });
}

async function events(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const order = JSON.parse(Buffer.concat(parts));
  order.path = [...(order.path ?? []), NAME];
  const sent = await (NEXT_QUEUE ? sendToQueue(order) : call(order));
  response.end(JSON.stringify({ sent }));
}

const agent = new http.Agent({ keepAlive: true });
const server = http.createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok');
  events(request, response).catch((error) => {
    console.error(`${NAME}: ${error}`);
    response.writeHead(503).end(String(error));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(PORT), HOST);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
