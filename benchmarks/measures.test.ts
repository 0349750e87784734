// The long measurements at tiny sizes, with the checks that they make themselves; and that verdicts,
// checks and the protocol of a peer can go wrong. The peers themselves need other programs, which a
// test does not install.
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { endProcesses, runScript } from "../packages/server/test/support/server-process.ts";
import { decimalText, sumByUser } from "./peers/peer-record.ts";
import { command, ReplyReader } from "./peers/resp.ts";
import { measured, measuresText, middle, percentileOf, verdictOf } from "./reach.ts";

const program = fileURLToPath(new URL("./measures.ts", import.meta.url));

/** Ten servers are started, on machines that may be busy. */
const longMs = 240_000;

afterEach(endProcesses);

interface Judged {
  readonly name: string;
  readonly figure: number;
  readonly verdict: string;
}

async function measuresOf(only: string): Promise<readonly Judged[]> {
  const exit = await runScript(program, ["--quick", "--json", `--only=${only}`], {});
  expect([exit.stderr, exit.code]).toEqual(["", 0]);
  return JSON.parse(exit.stdout).measures;
}

describe("the long measurements", () => {
  it(
    "sweep and bytes count what was sent, and say so",
    async () => {
      const measures = await measuresOf("sweep,bytes");
      expect(measures.map(({ name }) => name)).toMatchInlineSnapshot(`
      [
        "200 meters due at once: all durable",
        "200 meters due at once: p99 of ingest meanwhile",
        "  longest wait meanwhile",
        "  processor time of the server meanwhile",
        "  p99 before",
        "written per record of 150 bytes",
        "  of it what files have grown by",
        "  single records, 64 connections",
      ]
    `);
      expect(measures.every(({ figure }) => figure > 0)).toBe(true);
    },
    longMs,
  );

  it(
    "overload compares ten times the callers with some, and counts what it was told",
    async () => {
      const measures = await measuresOf("overload");
      const judged = measures.filter(({ verdict }) => verdict !== "");
      expect(judged.map(({ name }) => name)).toEqual(
        Array.from({ length: 3 }, () => "  growth of the steady ones' p99"),
      );
      expect(measures.every(({ figure }) => figure > 0)).toBe(true);
    },
    longMs,
  );

  it(
    "growth, memory and restart share one engine",
    async () => {
      const measures = await measuresOf("growth,memory,restart");
      const judged = measures.filter(({ verdict }) => verdict !== "").map(({ name }) => name);
      expect(judged).toMatchInlineSnapshot(`
      [
        "cost: 10 → 2,000 meters",
        "cost: 0 → 12,000 ids",
        "cost: both",
        "memory: 2,000 meters, 12,000 ids",
        "restart to ready",
        "  after a clean stop",
      ]
    `);
      expect(measures.every(({ figure }) => figure > 0)).toBe(true);
    },
    longMs,
  );

  it(
    "windows compares an engine that keeps usage over time with one that does not",
    async () => {
      const measures = await measuresOf("windows");
      expect(measures.filter(({ verdict }) => verdict !== "").map(({ name }) => name)).toEqual([
        "usage over time: 200 meters, records a second with it : without",
      ]);
      expect(measures.every(({ figure }) => figure > 0)).toBe(true);
    },
    longMs,
  );

  it.each([["--only=peer"], ["--rounds=0"], ["--quik"]])("refuse %s", async (argument) => {
    const exit = await runScript(program, [argument], {});
    expect(exit.stderr).toMatch(/knows peers|whole number from 1|Unknown option '--quik'/);
    expect([exit.code, exit.stdout]).toEqual([1, ""]);
  });
});

describe("a verdict", () => {
  const less = { better: "less", reach: 2, aim: 1.3 } as const;
  const more = { better: "more", reach: 6, aim: 10 } as const;

  it.each([
    [1.3, less, "aim"],
    [2, less, "reach"],
    [2.01, less, "missed"],
    [10, more, "aim"],
    [6, more, "reach"],
    [5.9, more, "missed"],
    [5.9, null, ""],
  ] as const)("of %d is told", (figure, target, verdict) => {
    expect(verdictOf(measured("m", figure, { target }))).toBe(verdict);
    expect(measuresText([measured("m", figure, { target })])).toContain(verdict);
  });

  it("is not made where nothing was measured", () => {
    expect(() => measured("the sweep", middle([]))).toThrow("Nothing was measured: the sweep.");
    expect(() => measured("m", 1 / 0)).toThrow("Nothing was measured");
  });

  it("stands on percentiles that are values", () => {
    expect(middle([3, 1, 2])).toBe(2);
    expect(middle([4, 1, 2, 3])).toBe(2);
    expect(percentileOf(Float64Array.of(1, 5, 2), 0.99)).toBe(5);
  });
});

describe("the peers", () => {
  it("Redis's replies are read however they are cut", () => {
    const text = "+OK\r\n$-1\r\n:12\r\n*2\r\n$3\r\na\r\n\r\n$0\r\n\r\n";
    for (let cut = 0; cut <= text.length; cut += 1) {
      const reader = new ReplyReader();
      reader.push(text.slice(0, cut));
      reader.push(text.slice(cut));
      expect(reader.replies).toEqual(["OK", null, 12, ["a\r\n".slice(0, 3), ""]]);
      expect(reader.error).toBeNull();
    }
  });

  it("Redis's errors are kept, and commands have the wire form", () => {
    const reader = new ReplyReader();
    reader.push("+OK\r\n-ERR no\r\n");
    expect(reader.error).toBe("ERR no");
    expect(command("SET", "k", "")).toBe("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
  });

  it("sums by user are exact and in the order of users", () => {
    const record = { model: "x", region: "y", session: "s" };
    const sums = sumByUser([
      { ...record, id: "1", userId: "b", value: 0.1 },
      { ...record, id: "2", userId: "a", value: 7 },
      { ...record, id: "3", userId: "b", value: 0.2, session: "t" },
    ]);
    expect([...sums.keys()]).toEqual(["a", "b"]);
    const groups = new Map([
      ["m:x", 300],
      ["r:y", 300],
    ]);
    expect(sums.get("b")).toEqual({ thousandths: 300, records: 2, session: "t", groups });
    expect([0, 300, 7_000, 1_234_560].map(decimalText)).toEqual(["0", "0.3", "7", "1234.56"]);
  });
});
