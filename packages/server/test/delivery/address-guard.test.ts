// Which addresses webhooks reach: a table of them, names judged by what they resolve to, answers of
// name servers that change, and the spellings that hide an address.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressFault } from "../../src/delivery/address-guard.ts";
import { createResolve, type ResolvedAddress } from "../../src/delivery/address-resolver.ts";
import { createWebhookSender, type WebhookAnswer } from "../../src/delivery/webhook-sender.ts";

/** Address, whether production reaches it, whether development does. */
const table: readonly (readonly [address: string, production: boolean, development: boolean])[] = [
  ["8.8.8.8", true, true],
  ["1.1.1.1", true, true],
  ["172.15.255.255", true, true],
  ["172.32.0.0", true, true],
  ["100.63.255.255", true, true],
  ["100.128.0.0", true, true],
  ["223.255.255.255", true, true],
  ["2606:4700:4700::1111", true, true],
  ["2a00:1450:4001:830::200e", true, true],
  ["127.0.0.1", false, true],
  ["127.255.255.254", false, true],
  ["10.0.0.1", false, true],
  ["172.16.0.1", false, true],
  ["172.31.255.255", false, true],
  ["192.168.1.1", false, true],
  ["::1", false, true],
  ["fd12:3456:789a::1", false, true],
  ["fc00::1", false, true],
  ["0.0.0.0", false, false],
  ["0.1.2.3", false, false],
  ["100.64.0.1", false, false],
  ["100.100.100.200", false, false],
  ["168.63.129.16", false, false],
  ["169.254.169.254", false, false],
  ["169.254.170.2", false, false],
  ["192.0.0.192", false, false],
  ["192.0.2.1", false, false],
  ["192.88.99.1", false, false],
  ["198.18.0.1", false, false],
  ["198.19.255.255", false, false],
  ["198.51.100.1", false, false],
  ["203.0.113.1", false, false],
  ["224.0.0.1", false, false],
  ["239.255.255.255", false, false],
  ["240.0.0.1", false, false],
  ["255.255.255.255", false, false],
  ["::", false, false],
  ["::ffff:127.0.0.1", false, false],
  ["::ffff:7f00:1", false, false],
  ["::ffff:8.8.8.8", false, false],
  ["::127.0.0.1", false, false],
  ["::ffff:0:127.0.0.1", false, false],
  ["64:ff9b::7f00:1", false, false],
  ["64:ff9b::8.8.8.8", false, false],
  ["64:ff9b:1::1", false, false],
  ["100::1", false, false],
  ["2001::1", false, false],
  ["2001:10::1", false, false],
  ["2001:db8::1", false, false],
  ["2002:7f00:1::", false, false],
  ["2002:808:808::", false, false],
  ["3fff::1", false, false],
  ["fd00:ec2::254", false, false],
  ["fe80::1", false, false],
  ["fe80::1%eth0", false, false],
  ["fec0::1", false, false],
  ["ff02::1", false, false],
  ["localhost", false, false],
  ["127.1", false, false],
  ["0x7f000001", false, false],
  ["", false, false],
];

describe("addresses", () => {
  it.each(table)("[DV50] %s: %s in production, %s in development", (address, ...reached) => {
    expect([addressFault(address), addressFault(address, true)].map((one) => one === null)).toEqual(
      reached,
    );
  });

  it("[DV50] the fault says what kind of address it is", () => {
    expect(addressFault("127.0.0.1")).toBe("is a loopback address");
    expect(addressFault("169.254.169.254", true)).toBe("is a link-local address");
    expect(addressFault("fd00:ec2::254", true)).toBe("is a cloud's metadata address");
  });
});

describe("connecting", () => {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    request.resume();
    response.end("reached");
  });
  let port = 0;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });

  afterAll(async () => {
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });

  const v4 = (address: string): ResolvedAddress => ({ address, family: 4 });
  const v6 = (address: string): ResolvedAddress => ({ address, family: 6 });

  async function send(
    url: string,
    answers: readonly (readonly ResolvedAddress[])[],
    allowPrivate = true,
  ): Promise<{ readonly answer: WebhookAnswer; readonly lookups: number }> {
    let lookups = 0;
    const resolve = async (): Promise<readonly ResolvedAddress[]> =>
      answers[Math.min(lookups++, answers.length - 1)] ?? [];
    const sender = createWebhookSender({ allowPrivate, resolve });
    const message = { url, headers: {}, body: Buffer.from("{}") };
    const answer = await sender.send(message, AbortSignal.timeout(5_000));
    sender.close();
    return { answer, lookups };
  }

  it("[DV51] the address that was judged is the one that is connected to", async () => {
    asked = 0;
    // A second look would find another address: there is none.
    const changing = [[v4("127.0.0.1")], [v4("169.254.169.254")]];
    const { answer, lookups } = await send(`http://rebind.example:${port}/`, changing);
    expect(answer).toMatchObject({ kind: "answered", status: 200, text: "reached" });
    expect([asked, lookups]).toEqual([1, 1]);
  });

  it.each([
    ["a link-local address", [v4("169.254.169.254")]],
    ["public and metadata", [v4("93.184.216.34"), v6("fd00:ec2::254")]],
    ["this machine and metadata", [v4("127.0.0.1"), v4("169.254.169.254")]],
    ["an embedded address", [v6("::ffff:127.0.0.1")]],
    ["NAT64", [v6("64:ff9b::7f00:1")]],
    ["nothing", []],
  ])("[DV51] a name that resolves to %s is refused as a whole", async (_name, addresses) => {
    asked = 0;
    const { answer } = await send(`http://name.example:${port}/`, [addresses]);
    expect(answer).toMatchObject({ kind: "unanswered" });
    expect(answer.kind === "unanswered" ? answer.reason : "").toMatch(/resolves to|no address/);
    expect(JSON.stringify(answer)).not.toMatch(/169\.254|127\.0|ec2::|ff9b/);
    expect(asked).toBe(0);
  });

  it.each([
    "https://127.1/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://user:pw@example.com@127.0.0.1/",
    "https://0/",
    "https://[::ffff:7f00:1]/",
    "https://[::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://169.254.169.254/latest/meta-data/",
  ])("[DV51] %s is refused however it is spelled", async (url) => {
    const { answer, lookups } = await send(url, [[v4("93.184.216.34")]], false);
    expect(answer.kind === "unanswered" ? answer.reason : "").toMatch(/webhooks cannot reach it/);
    expect(lookups).toBe(0);
  });

  it.each(["localhost", "localhost.", "anything.localhost", "LOCALHOST"])(
    "[DV51] %s is refused in production by what it resolves to",
    async (host) => {
      const { answer } = await send(`https://${host}:${port}/`, [[v4("127.0.0.1")]], false);
      expect(answer.kind === "unanswered" ? answer.reason : "").toMatch(/a loopback address/);
    },
  );

  it("[DV52] production sends to https only; development to http and this machine too", async () => {
    asked = 0;
    const refused = await send(`http://a.example:${port}/`, [[v4("93.184.216.34")]], false);
    expect(refused.answer).toMatchObject({ kind: "unanswered" });
    expect(refused.lookups).toBe(0);
    const reached = await send(`http://127.0.0.1:${port}/`, [[]], true);
    expect(reached.answer).toMatchObject({ kind: "answered", status: 200 });
    const named = createWebhookSender({ allowPrivate: true, resolve: createResolve(true) });
    const message = { url: `http://localhost:${port}/`, headers: {}, body: Buffer.from("{}") };
    const answer = await named.send(message, AbortSignal.timeout(5_000));
    named.close();
    expect(answer).toMatchObject({ kind: "answered", status: 200 });
    expect(asked).toBe(2);
  });
});
