// What a log line may hold.
import { describe, expect, it } from "vitest";
import { type Log, openLog } from "../../src/runtime/log.ts";
import type { LogFormat, LogLevel } from "../../src/settings-table.ts";

interface Written {
  readonly log: Log;
  readonly lines: string[];
}

function open(format: LogFormat, level: LogLevel = "debug", isTerminal = false): Written {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  return { log: openLog({ level, format, isTerminal, write }).log, lines };
}

const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";

describe("format", () => {
  it("[RU15] is one JSON object a line with level, time and event", () => {
    const { log, lines } = open("auto");
    log.info({ seq: 7, size: 12n }, "snapshot written");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      seq: 7,
      size: "12",
      msg: "snapshot written",
    });
    expect(lines[0]?.endsWith("\n")).toBe(true);
  });

  it("[RU15] is for people on a terminal, and json stays json there", () => {
    const pretty = open("auto", "info", true);
    pretty.log.info({ seq: 7 }, "snapshot written");
    expect(pretty.lines.join("")).toMatch(/INFO.*snapshot written/);
    const json = open("json", "info", true);
    json.log.info("snapshot written");
    expect(JSON.parse(json.lines.join(""))).toMatchObject({ msg: "snapshot written" });
  });

  it("[RU15] has no line below its level, and none at all when silent", () => {
    const warn = open("json", "warn");
    warn.log.info("a");
    warn.log.warn("b");
    expect(warn.lines).toHaveLength(1);
    const silent = open("json", "silent");
    silent.log.error("a");
    expect(silent.lines).toEqual([]);
  });

  it("[RU15] tells an error with its causes and stack", () => {
    const { log, lines } = open("json");
    log.error({ err: new Error("outer", { cause: new Error("inner") }) }, "store failed");
    expect(JSON.parse(lines.join("")).err.stack).toMatch(/outer[\s\S]*caused by: Error: inner/);
  });
});

describe("secrets", () => {
  it.each(["json", "pretty"] as const)("[RU16] are hidden wherever they stand (%s)", (format) => {
    const { log, lines } = open(format);
    const inner = {
      clientSecret: "s3cr3t-1",
      client_secret: "s3cr3t-2",
      list: [{ token: "s3cr3t-3" }],
    };
    log.info(
      { headers: { Authorization: "Bearer s3cr3t-4", "set-cookie": "s3cr3t-5" }, inner },
      "a",
    );
    log.info({ record: { value: "s3cr3t-6" }, original: "s3cr3t-7", userId: "s3cr3t-8" }, "b");
    log.child({ userId: "s3cr3t-9", access_token: "s3cr3t-a" }).warn("c");
    log.info(`url /x?client_secret=s3cr3t-b&a=1 with Bearer s3cr3t-cccc and ${jwt}`);
    log.error({ err: new Error(`refused Basic czNjcjN0LWQ= and ${jwt}`) }, "d");
    log.error({ err: Object.assign(new Error("x"), { secret: "s3cr3t-e" }) }, "e");
    const text = lines.join("");
    expect(text).not.toMatch(/s3cr3t|czNjcjN0|c2lnbmF0dXJl/);
    expect(text).toContain("[hidden]");
  });

  it("[RU16] counts under such a name stay, and so do ids", () => {
    const { log, lines } = open("json");
    log.info({ records: 12, accountId: "a-1", userIds: 3 }, "usage counted");
    expect(JSON.parse(lines.join(""))).toMatchObject({ records: 12, accountId: "a-1", userIds: 3 });
  });

  it("[RU16] hostile fields neither break a line nor make it endless", () => {
    const { log, lines } = open("json");
    const deep: Record<string, unknown> = {};
    deep.self = deep;
    const polluted: unknown = JSON.parse('{"__proto__":{"a":1},"constructor":"x"}');
    log.info(
      { deep, polluted, long: "y".repeat(100_000), many: Array(1_000).fill(1) },
      "line\nbreak",
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toContain("\n");
    expect(lines[0]?.length).toBeLessThan(20_000);
    expect(JSON.parse(lines[0] ?? "").polluted.constructor).toBe("x");
  });
});
