// A receiver of webhooks: verifies every message with the stock library of Standard Webhooks, takes
// each one once, and prints what it says. What is not signed with the secret is answered 400 and
// never read. Run: WEBHOOK_SECRET=whsec_… npm run example:webhook
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const help = `Receives webhooks and prints them: npm run example:webhook -- [options]

  --port <port>     port on this machine; 9000 when not given, 0 for any free one
  --secret <secret> the secret that POST /destinations answered (WEBHOOK_SECRET)
  --help            this text

The server that sends must be started with METERHOUSE_ALLOW_PRIVATE_DESTINATIONS=true, since this
receiver is on your own machine.
`;

/** Far larger than any message; a sender that goes on after it is cut off. */
const bodyBytesMax = 1024 * 1024;

/** What a message says, as far as it is printed here. */
interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Ids of messages that were taken. Delivery is at least once, so the same message may come again. A
 * real receiver keeps ids in its database, in the transaction that books the record, for as long as
 * messages may be sent again; here they are kept in memory, the last of them.
 */
const taken = new Set<string>();
const takenMax = 100_000;

try {
  run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  process.exitCode = 2;
}

function run(): void {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h", default: false },
      port: { type: "string", default: "9000" },
      secret: { type: "string" },
    },
  });
  if (values.help) return void process.stdout.write(help);
  const secret = values.secret ?? process.env.WEBHOOK_SECRET;
  if (secret === undefined) throw new Error("The secret is missing.");
  const webhook = new Webhook(secret);
  const server = createServer((request, response) => {
    void receive(webhook, request).then((status) => answer(response, status));
  });
  server.listen(Number.parseInt(values.port, 10), "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`);
  });
  process.once("SIGTERM", () => server.close());
}

/** The status to answer with. Any 2xx ends the delivery; everything else has it sent again. */
async function receive(webhook: Webhook, request: IncomingMessage): Promise<number> {
  const body = await bodyOf(request);
  if (body === null) return 400;
  const headers: Record<string, string> = {};
  for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"]) {
    headers[name] = String(request.headers[name] ?? "");
  }
  try {
    // The bytes as they came: parsing and writing them again would change the signature.
    const message = webhook.verify(body, headers) as Message;
    take(headers["webhook-id"] ?? "", message);
    return 204;
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    process.stdout.write(`refused: ${error.message}\n`);
    return 400;
  }
}

function take(id: string, { type, data }: Message): void {
  if (taken.has(id)) {
    process.stdout.write(`${id} again\n`);
    return;
  }
  taken.add(id);
  if (taken.size > takenMax) for (const oldest of taken.values().take(1)) taken.delete(oldest);
  // A JSON number may have more digits than JavaScript keeps; valueExact has all of them.
  const { userId, meterTypeName, valueExact, unit, periodEnd } = data;
  const usage = `${userId}: ${valueExact} ${unit} of ${meterTypeName}`;
  const what: Readonly<Record<string, string>> = {
    "metered_record.created": `${usage} until ${periodEnd}`,
    "threshold.reached": `${usage}, reached ${JSON.stringify(data.thresholdReached)}`,
  };
  process.stdout.write(`${id} ${type} ${what[type] ?? JSON.stringify(data)}\n`);
}

/** Null: too long, or broken off. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks);
}

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-length": "0" }).end();
}
