// The examples of delivery as a person runs them: a server, a receiver that verifies with the stock
// library, and an importer of the files. They must take each record once, whatever comes twice.
import { appendFileSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import {
  endProcesses,
  newDataDirectory,
  runScript,
  startScript,
  startServer,
} from "../packages/server/test/support/server-process.ts";
import { connect, fixedClient } from "../packages/server/test/support/used-directory.ts";

const receiver = fileURLToPath(new URL("./webhook-receiver.ts", import.meta.url));
const importer = fileURLToPath(new URL("./billing-importer.ts", import.meta.url));
const settings = { ...fixedClient, METERHOUSE_ALLOW_PRIVATE_DESTINATIONS: "true" };

const usagePath = "/meter-processors/billing/usage-records";

type Client = Awaited<ReturnType<typeof connect>>;

afterEach(endProcesses);

/**
 * A server whose processor makes a metered record of each of its two meters for every usage request.
 * The first request makes the meters; their periods begin with it.
 */
async function startMetering(directory: string): Promise<Client> {
  const client = await connect(await startServer(directory, settings).started);
  await client.ask("POST", "/meter-types", {
    name: "Calls",
    unit: "calls",
    timezone: "Etc/UTC",
    aggregation: { type: "sum" },
    resetSchedule: { minute: "0", hour: "0", day: "1", month: "1", weekday: "*" },
  });
  await client.ask("POST", "/meter-processors", {
    meterKey: "billing",
    name: "Billing",
    guidingRules: [{ ignoreCondition: true, matchCategory: "DEFAULT" }],
    flushType: "ALL_FILES",
    createMeters: true,
  });
  await client.ask("POST", usagePath, [
    { userId: "ann", value: 0 },
    { userId: "bob", value: 0 },
  ]);
  return client;
}

function flush(client: Client, userId: string, value: number): Promise<unknown> {
  return client.ask("POST", usagePath, [{ userId, value }]);
}

describe("the webhook receiver", () => {
  it("[DV31] verifies with the stock library, and takes each message once", async () => {
    const client = await startMetering(newDataDirectory());
    const { id, secret } = await client.ask("POST", "/destinations", {
      name: "Receiver",
      kind: "webhook",
      url: "http://127.0.0.1:9/",
      enabled: false,
    });
    const receiving = startScript(receiver, ["--port", "0"], { WEBHOOK_SECRET: String(secret) });
    const url = (await receiving.printed(/http:\S+/)).trim();
    await client.ask("PATCH", `/destinations/${id}`, { url, enabled: true });
    const test = await client.ask("POST", `/destinations/${id}/test`);
    expect(test.state).toBe("delivered");
    await receiving.printed(/msg_test_\S+ test \{"destinationId":/);
    await flush(client, "ann", 1.5);
    const line = await receiving.printed(/msg_\d+\.\d+\.\d+ metered_record\.created ann: 1.*\n/);
    expect(line).toMatch(/ann: 1\.5 calls of Calls until \d{4}-/);
    const message = line.split(" ")[0] ?? "";
    await client.ask("POST", `/destinations/${id}/deliveries/${message}/resend`);
    await receiving.printed(new RegExp(`${message.replaceAll(".", "\\.")} again`));
    // The secret before the newest still signs.
    await client.ask("POST", `/destinations/${id}/secrets`);
    await flush(client, "bob", 2);
    await receiving.printed(/bob: 2 calls/);
    await client.ask("PATCH", `/destinations/${id}`, { outputs: ["reset", "threshold"] });
    const { meters } = await client.ask("GET", "/meters?userId=bob");
    const [{ id: meter }] = meters as [{ id: string }];
    const thresholds = [{ name: "high", absoluteValue: 3 }];
    await client.ask("PATCH", `/meters/${meter}`, { thresholds });
    await flush(client, "bob", 4);
    await receiving.printed(/threshold\.reached bob: 4 calls of Calls, reached \{"name":"high",/);
    expect(receiving.stdout).not.toContain("refused");
  });

  it("[DV31] refuses what is not signed with the secret", async () => {
    const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
    const receiving = startScript(receiver, ["--port", "0", "--secret", secret], {});
    const url = (await receiving.printed(/http:\S+/)).trim();
    const headers = {
      "webhook-id": "msg_1",
      "webhook-timestamp": String(Math.floor(Date.now() / 1_000)),
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const response = await fetch(url, { method: "POST", headers, body: '{"type":"test"}' });
    expect(response.status).toBe(400);
    expect((await fetch(url, { method: "POST" })).status).toBe(400);
    await receiving.printed(/refused: [\s\S]*refused: /);
  });
});

describe("the billing importer", () => {
  it("[DV32] books each record once, file by file", async () => {
    const directory = newDataDirectory();
    const client = await startMetering(directory);
    const folder = join(directory, "exports", "billing");
    const body = { name: "Billing", kind: "file", folder: "billing", meterKeys: ["billing"] };
    const { id } = await client.ask("POST", "/destinations", body);
    await flush(client, "ann", 1.5);
    await flush(client, "bob", 2);
    const first = await manifest(directory, folder, 4);
    const ledger = join(directory, "..", "ledger.db");
    const imported = await runScript(importer, [folder, ledger], {});
    expect([imported.stderr, imported.code]).toEqual(["", 0]);
    expect(imported.stdout).toContain("ann  Calls, calls: 1.5\nbob  Calls, calls: 2\n");
    expect(imported.stdout.match(/booked, 0 known/g)).toHaveLength(first.length);
    const again = await runScript(importer, [folder, ledger], {});
    expect(again.stdout).toBe("ann  Calls, calls: 1.5\nbob  Calls, calls: 2\n");
    await flush(client, "ann", 0.25);
    const later = await manifest(directory, folder, 6);
    expect(later.slice(0, first.length)).toEqual(first);
    // Without its own memory of files it still knows every record.
    const anew = await runScript(importer, [folder, ledger], {});
    expect(anew.stdout).toContain("ann  Calls, calls: 1.75\nbob  Calls, calls: 2\n");
    const listed = await client.ask("GET", `/destinations/${id}/deliveries`);
    expect(listed.deliveries).toHaveLength(later.length);
  });

  it("[DV32] uses nothing of a file that the manifest does not describe", async () => {
    const directory = newDataDirectory();
    const folder = join(directory, "..");
    const record = { recordId: "0.1.0", userId: "ann", meterTypeName: "Calls", unit: "calls" };
    const period = { valueExact: "1", periodStart: "s", periodEnd: "e" };
    const text = `${JSON.stringify({ ...record, ...period })}\n`;
    writeFileSync(join(folder, "a.ndjson"), text);
    const line = { file: "a.ndjson", output: "reset", format: "ndjson", records: 1 };
    const described = { ...line, bytes: text.length, sha256: "0".repeat(64) };
    writeFileSync(join(folder, "manifest.ndjson"), `${JSON.stringify(described)}\n`);
    const ledger = join(folder, "ledger.db");
    const refused = await runScript(importer, [folder, ledger], {});
    expect(refused.stderr).toContain("a.ndjson is not the file that the manifest names");
    expect(refused.code).toBe(1);
    const early = await runScript(importer, [join(folder, "later"), ledger], {});
    expect(early.stderr).toMatch(/^There is no .*manifest\.ndjson: no period has been delivered/);
    // A line that is still being written is none.
    writeFileSync(join(folder, "manifest.ndjson"), "");
    appendFileSync(join(folder, "manifest.ndjson"), JSON.stringify(described).slice(0, 20));
    expect((await runScript(importer, [folder, ledger], {})).stdout).toBe("");
  });
});

/** The manifest's lines, once its files hold so many records. */
async function manifest(
  directory: string,
  folder: string,
  records: number,
): Promise<readonly unknown[]> {
  const look = (): readonly { readonly records: number }[] => {
    try {
      const lines = readFileSync(join(folder, "manifest.ndjson"), "utf8").split("\n").slice(0, -1);
      return lines.map((line) => JSON.parse(line));
    } catch {
      return [];
    }
  };
  const watching = watch(directory, { recursive: true });
  try {
    return await new Promise((resolve) => {
      const lookAgain = (): void => {
        const lines = look();
        if (lines.reduce((sum, line) => sum + line.records, 0) >= records) resolve(lines);
      };
      watching.on("change", lookAgain);
      lookAgain();
    });
  } finally {
    watching.close();
  }
}
