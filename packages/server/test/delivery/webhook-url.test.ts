// Which addresses a webhook may have, judged by the text: every way to write what is not public, and
// every fault of one address together.
import { describe, expect, it } from "vitest";
import { webhookUrl } from "../../src/delivery/webhook-url.ts";

const judge = webhookUrl({ allowPrivate: false, ports: [443, 8443] });
const judgeFreely = webhookUrl({ allowPrivate: true, ports: [443, 8443] });

function faultOf(text: string): string {
  const judged = judge(text);
  return judged.ok ? "" : judged.error;
}

describe("taken", () => {
  it.each([
    ["https://example.com", "https://example.com/"],
    ["HTTPS://Example.COM:443/a?b=c%20d", "https://example.com/a?b=c%20d"],
    ["https://example.com:8443/x", "https://example.com:8443/x"],
    ["https://bücher.example/x", "https://xn--bcher-kva.example/x"],
    ["https://8.8.8.8/", "https://8.8.8.8/"],
    ["https://[2606:4700::1111]/", "https://[2606:4700::1111]/"],
  ])("[DV7] [DV8] %s", (text, kept) => {
    expect(judge(text)).toEqual({ ok: true, value: kept });
  });
});

describe("refused", () => {
  it.each([
    "",
    "example.com",
    "/hooks",
    "//example.com/",
    "ftp://example.com/",
    "https:example.com",
    "https:/example.com",
    "https:\\\\example.com/",
    "https://",
    "https:///x",
    "https://exa mple.com/",
    "https://example.com/a\tb",
    "https://example.com/\u0000",
    "https://example.com/a\\b",
    "https://%00/",
    "https://[::1",
    "https://1.2.3.4.5.6.7.8.999/",
    "javascript:alert(1)",
    "file:///etc/passwd",
  ])("[DV7] %j is no absolute https URL", (text) => {
    expect(faultOf(text)).toBe(
      "must be an absolute https:// URL, such as https://example.com/hooks",
    );
  });

  it.each([
    ["http://example.com:8443/", "must begin with https://"],
    ["https://u@example.com/", "must not hold a user or password"],
    ["https://@example.com/", "must not hold a user or password"],
    ["https://u:p@example.com/", "must not hold a user or password"],
    ["https://example.com/#", "must not have a fragment"],
    ["https://example.com/a#b", "must not have a fragment"],
    ["https://example.com:25/", "must use one of the ports 443, 8443, not 25"],
    ["https://example.com:0/", "must use one of the ports 443, 8443, not 0"],
  ])("[DV7] [DV8] %s: %s", (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  it("[DV7] what grows beyond 2,000 characters when it is encoded", () => {
    expect(faultOf(`https://example.com/${"é".repeat(330)}`)).toBe("");
    expect(faultOf(`https://example.com/${"é".repeat(331)}`)).toMatch(/^must be at most 2000/);
  });

  it("[DV7] all faults are told together", () => {
    const parts = faultOf("http://u:p@127.0.0.1:22/#x").split("; ");
    expect(parts).toHaveLength(5);
    expect(parts.at(-1)).toMatch(
      /^must not lead to this machine or a private network: 127\.0\.0\.1 /,
    );
  });

  it("[DV9] names the setting that would allow the host, and only where it would", () => {
    for (const host of ["127.0.0.1", "localhost", "192.168.1.1", "[fc00::1]"]) {
      expect(faultOf(`https://${host}/`)).toMatch(
        /\(.*METERHOUSE_ALLOW_PRIVATE_DESTINATIONS=true\)$/,
      );
    }
    for (const host of ["169.254.169.254", "224.0.0.1", "[ff02::1]", "0.0.0.0"]) {
      expect(faultOf(`https://${host}/`)).not.toContain("METERHOUSE");
    }
  });

  it.each([
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::ffff:7f00:1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
  ])("[DV9] the host %s", (host) => {
    expect(faultOf(`https://${host}/`)).toMatch(/^must not lead to this machine/);
  });
});

describe("for development", () => {
  it.each([
    "http://127.0.0.1:9000/hooks",
    "http://localhost:3000/",
    "https://[::1]:1/",
    "http://10.1.2.3/",
  ])("[DV10] %s is taken", (text) => {
    expect(judgeFreely(text)).toEqual({ ok: true, value: text });
  });

  it("[DV10] metadata services and the like stay refused", () => {
    for (const host of ["169.254.169.254", "[fd00:ec2::254]", "224.0.0.1", "100.64.0.1"]) {
      expect(judgeFreely(`http://${host}/`), host).toMatchObject({ ok: false });
    }
  });

  it("[DV10] nothing else is", () => {
    expect(judgeFreely("ftp://localhost/").ok).toBe(false);
    expect(judgeFreely("http://u@localhost/#x")).toEqual({
      ok: false,
      error: "must not hold a user or password; must not have a fragment",
    });
  });
});
