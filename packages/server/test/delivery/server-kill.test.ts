// The whole server killed while periods are flushed and delivered: afterwards the webhook's receiver
// has every metered record that is listed, and the files hold each of them once.
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import type { ManifestLine } from "../../src/delivery/file-manifest.ts";
import { createSystemClock } from "../../src/runtime/system-ports.ts";
import type { LoadConnection } from "../support/load-connection.ts";
import { createSeededRandom, seedOf } from "../support/seeded-random.ts";
import { endProcesses, newDataDirectory, startServer } from "../support/server-process.ts";
import { connect, fixedClient, meteredIds, setUp } from "../support/used-directory.ts";

const kills = 4;
const requestsPerLife = 40;
const users = ["ann", "bob", "cid", "dot", "eve"];
const clock = createSystemClock();

let receiver: Server | undefined;

afterEach(async () => {
  receiver?.closeAllConnections();
  receiver?.close();
  await endProcesses();
});

/** Ids of the records that came in messages, each with the bytes that it came in. */
async function receive(onMessage: () => void): Promise<{
  readonly url: string;
  readonly bodies: Map<string, Set<string>>;
}> {
  const bodies = new Map<string, Set<string>>();
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.once("end", () => {
      const { recordId }: { readonly recordId: string } = JSON.parse(body).data;
      expect(request.headers["webhook-id"]).toBe(`msg_${recordId}`);
      bodies.set(recordId, (bodies.get(recordId) ?? new Set()).add(body));
      onMessage();
      response.end();
    });
    request.on("error", () => undefined);
  });
  receiver = server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, bodies };
}

/** Record ids of all files that the manifest names. */
function exported(folder: string): readonly string[] {
  if (!existsSync(join(folder, "manifest.ndjson"))) return [];
  const lines = readFileSync(join(folder, "manifest.ndjson"), "utf8").split("\n").slice(0, -1);
  return lines.flatMap((line) => {
    const { file, records }: ManifestLine = JSON.parse(line);
    const texts = readFileSync(join(folder, file), "utf8").trim().split("\n");
    expect(texts).toHaveLength(records);
    return texts.map((text): string => JSON.parse(text).recordId);
  });
}

async function makeDestinations(connection: LoadConnection, url: string): Promise<void> {
  await connection.ask("POST", "/destinations", { name: "Hook", kind: "webhook", url });
  const file = { name: "Files", kind: "file", folder: "billing", format: "ndjson" };
  await connection.ask("POST", "/destinations", file);
}

it("[DV59] [DV70] four kills of the server while it flushes and delivers", async () => {
  const random = createSeededRandom(seedOf(70));
  console.info(`seed ${random.seed}`);
  const directory = newDataDirectory();
  const settings = {
    ...fixedClient,
    METERHOUSE_ALLOW_PRIVATE_DESTINATIONS: "true",
    METERHOUSE_SNAPSHOT_MEGABYTES: "1",
  };
  let messages = 0;
  let killAt = Number.POSITIVE_INFINITY;
  let kill = (): void => undefined;
  const { url, bodies } = await receive(() => {
    messages += 1;
    if (messages >= killAt) kill();
  });
  let meterKey = "";
  for (let life = 0; life <= kills; life++) {
    const server = startServer(directory, settings);
    const connection = await connect(await server.started);
    if (life === 0) {
      meterKey = await setUp(connection);
      await connection.ask("PATCH", `/meter-processors/${meterKey}`, { flushType: "ALL_FILES" });
      await makeDestinations(connection, url);
    }
    killAt = life < kills ? messages + random.integer(1, 120) : Number.POSITIVE_INFINITY;
    kill = () => server.signal("SIGKILL");
    const path = `/meter-processors/${meterKey}/usage-records`;
    const records = users.map((userId) => ({ userId, value: 1 }));
    try {
      for (let sent = 0; sent < requestsPerLife || life < kills; sent++) {
        await connection.ask("POST", path, records);
      }
    } catch (error) {
      if (life === kills) throw error;
    }
    if (life < kills) {
      expect((await server.exited).signal).toBe("SIGKILL");
      connection.close();
      continue;
    }
    const listed = await meteredIds(connection);
    expect(listed.length).toBeGreaterThan(requestsPerLife * 4);
    const folder = join(directory, "exports", "billing");
    for (let looks = 0; looks < 600; looks++) {
      if (bodies.size >= listed.length && exported(folder).length >= listed.length) break;
      await clock.sleepUntil(clock.now() + 50);
    }
    expect([...bodies.keys()].sort()).toEqual([...listed].sort());
    expect([...bodies.values()].every(({ size }) => size === 1)).toBe(true);
    expect([...exported(folder)].sort()).toEqual([...listed].sort());
    connection.close();
  }
});
