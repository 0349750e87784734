// The table of settings and the command line: every fault of a value, all of them at once.
import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { describe, expect, it } from "vitest";
import { helpText, productVersion, readArguments, settingsDocument } from "../../src/arguments.ts";
import { type Config, listSettings, readConfig } from "../../src/config.ts";
import { isWeakSecret } from "../../src/setting-parsers.ts";

const secret = "Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZg-_";

function faultsOf(env: Record<string, string>): readonly string[] {
  const read = readConfig(env);
  return read.ok ? [] : read.error;
}

function configOf(env: Record<string, string>): Config {
  const read = readConfig(env);
  if (!read.ok) throw new Error(read.error.join(" "));
  return read.value;
}

describe("defaults", () => {
  it("[RU1] an empty environment gives the documented defaults", () => {
    const { dataDirectory, exportDirectory, ...rest } = configOf({ PATH: "/bin", HOME: "/" });
    expect(isAbsolute(dataDirectory)).toBe(true);
    expect(exportDirectory).toBe(`${dataDirectory}/exports`);
    expect(rest).toEqual({
      port: 8080,
      hosts: ["127.0.0.1", "::1"],
      baseUrl: null,
      client: null,
      futureToleranceMs: 300_000,
      journalDays: 35,
      meteredRecordDays: 0,
      auditDays: 180,
      usageWindows: true,
      catchUpMax: 10_000_000,
      allowClockLeap: false,
      correctionQueueMax: 1_000_000,
      correctionDays: 183,
      snapshotBytes: 256 * 1024 * 1024,
      idsInMemoryMax: 4_000_000,
      allowPrivateDestinations: false,
      destinationPorts: [443, 8443],
      deliveryDays: 30,
      logLevel: "info",
      logFormat: "auto",
    });
  });

  it("[RU1] every default is read by its own reader", () => {
    for (const setting of listSettings()) {
      if (setting.default !== null) expect(setting.parse(setting.default).ok).toBe(true);
    }
  });

  it("[RU1] docs/settings.md is what the table says", () => {
    const file = new URL("../../../../docs/settings.md", import.meta.url);
    const hint = "run: node packages/server/scripts/write-settings.ts";
    expect(readFileSync(file, "utf8"), hint).toBe(settingsDocument());
  });
});

describe("values", () => {
  it.each([
    ["METERHOUSE_PORT", "0", { port: 0 }],
    ["METERHOUSE_PORT", "65535", { port: 65_535 }],
    ["METERHOUSE_HOST", "localhost", { hosts: ["127.0.0.1", "::1"] }],
    ["METERHOUSE_HOST", "::", { hosts: ["::"] }],
    ["METERHOUSE_HOST", "fe80::1%eth0", { hosts: ["fe80::1%eth0"] }],
    ["METERHOUSE_HOST", "0.0.0.0", { hosts: ["0.0.0.0"] }],
    ["METERHOUSE_DATA_DIR", "/srv/meterhouse", { dataDirectory: "/srv/meterhouse" }],
    ["METERHOUSE_BASE_URL", "https://usage.example.com/", { baseUrl: "https://usage.example.com" }],
    [
      "METERHOUSE_BASE_URL",
      "HTTPS://Usage.Example.com/a/",
      { baseUrl: "https://usage.example.com/a" },
    ],
    ["METERHOUSE_BASE_URL", "http://127.0.0.1:81", { baseUrl: "http://127.0.0.1:81" }],
    ["METERHOUSE_BASE_URL", "http://[::1]:81", { baseUrl: "http://[::1]:81" }],
    ["METERHOUSE_FUTURE_TOLERANCE_SECONDS", "0", { futureToleranceMs: 0 }],
    ["METERHOUSE_JOURNAL_DAYS", "400", { journalDays: 400 }],
    ["METERHOUSE_METERED_RECORD_DAYS", "7", { meteredRecordDays: 7 }],
    ["METERHOUSE_AUDIT_DAYS", "0", { auditDays: 0 }],
    ["METERHOUSE_USAGE_WINDOWS", "false", { usageWindows: false }],
    ["METERHOUSE_CATCH_UP_MAX", "5", { catchUpMax: 5 }],
    ["METERHOUSE_ALLOW_CLOCK_LEAP", "true", { allowClockLeap: true }],
    ["METERHOUSE_CORRECTION_QUEUE_MAX", "0", { correctionQueueMax: 0 }],
    ["METERHOUSE_CORRECTION_DAYS", "30", { correctionDays: 30 }],
    ["METERHOUSE_SNAPSHOT_MEGABYTES", "1", { snapshotBytes: 1_048_576 }],
    ["METERHOUSE_EXPORT_DIR", "/srv/exports", { exportDirectory: "/srv/exports" }],
    ["METERHOUSE_ALLOW_PRIVATE_DESTINATIONS", "true", { allowPrivateDestinations: true }],
    ["METERHOUSE_DESTINATION_PORTS", "443, 9000", { destinationPorts: [443, 9000] }],
    ["METERHOUSE_DELIVERY_DAYS", "7", { deliveryDays: 7 }],
    ["METERHOUSE_LOG_LEVEL", "debug", { logLevel: "debug" }],
    ["METERHOUSE_LOG_FORMAT", "json", { logFormat: "json" }],
  ])("[RU1] %s=%s is taken", (variable, text, expected) => {
    expect(configOf({ [variable]: text })).toMatchObject(expected);
  });

  it.each([
    ["METERHOUSE_PORT", "65536", "a whole number from 0 to 65535"],
    ["METERHOUSE_PORT", "-1", "a whole number from 0 to 65535"],
    ["METERHOUSE_PORT", "8080 ", "a whole number from 0 to 65535"],
    ["METERHOUSE_PORT", "0x1f90", "a whole number from 0 to 65535"],
    ["METERHOUSE_PORT", "8e3", "a whole number from 0 to 65535"],
    ["METERHOUSE_PORT", "99999999999999999999", "a whole number from 0 to 65535"],
    ["METERHOUSE_HOST", "http://localhost", "a host name or an IP address"],
    ["METERHOUSE_HOST", "localhost:80", "a host name or an IP address"],
    ["METERHOUSE_HOST", "[::1]", "a host name or an IP address"],
    ["METERHOUSE_DATA_DIR", " ", "a path of a directory"],
    ["METERHOUSE_BASE_URL", "usage.example.com", "an absolute http:// or https:// URL"],
    ["METERHOUSE_BASE_URL", "ftp://usage.example.com", "an absolute http:// or https:// URL"],
    ["METERHOUSE_BASE_URL", "https://a:b@example.com", "an absolute http:// or https:// URL"],
    ["METERHOUSE_BASE_URL", "https://example.com/?a", "an absolute http:// or https:// URL"],
    ["METERHOUSE_BASE_URL", "https://example.com/#a", "an absolute http:// or https:// URL"],
    ["METERHOUSE_BASE_URL", "https://exa mple.com", "an absolute http:// or https:// URL"],
    ["METERHOUSE_ALLOW_HTTP", "yes", "true or false"],
    ["METERHOUSE_FUTURE_TOLERANCE_SECONDS", "86401", "a whole number from 0 to 86400"],
    ["METERHOUSE_JOURNAL_DAYS", "0", "a whole number from 1 to 3660"],
    ["METERHOUSE_METERED_RECORD_DAYS", "6", "0 or a whole number from 7 to 36500"],
    ["METERHOUSE_AUDIT_DAYS", "-1", "0 or a whole number from 1 to 36500"],
    ["METERHOUSE_CATCH_UP_MAX", "1.5", "a whole number from 0 to 1000000000"],
    ["METERHOUSE_ALLOW_CLOCK_LEAP", "TRUE", "true or false"],
    ["METERHOUSE_CORRECTION_DAYS", "0", "a whole number from 1 to 3660"],
    ["METERHOUSE_CORRECTION_QUEUE_MAX", "many", "a whole number from 0 to 100000000"],
    ["METERHOUSE_SNAPSHOT_MEGABYTES", "0", "a whole number from 1 to 65536"],
    ["METERHOUSE_LOG_LEVEL", "verbose", "error, warn, info, debug or silent"],
    ["METERHOUSE_LOG_FORMAT", "text", "auto, json or pretty"],
  ])("[RU2] %s=%j is refused with what is allowed", (variable, text, allowed) => {
    const faults = faultsOf({ [variable]: text });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(`${variable} must be ${allowed}`);
  });

  it("[RU2] an empty value is told apart from a wrong one", () => {
    expect(faultsOf({ METERHOUSE_PORT: "" })).toEqual([
      "METERHOUSE_PORT is empty: unset it, or make it a whole number from 0 to 65535.",
    ]);
  });

  it("[RU2] all faults come together", () => {
    const faults = faultsOf({
      METERHOUSE_PORT: "x",
      METERHOUSE_LOG_LEVEL: "x",
      METERHOUSE_NO_SUCH_THING: "x",
      METERHOUSE_CLIENT_ID: "abc",
    });
    expect(faults).toHaveLength(4);
  });
});

describe("unknown variables", () => {
  it.each([
    ["METERHOUSE_PROT", "METERHOUSE_PORT"],
    ["METERHOUSE_DATADIR", "METERHOUSE_DATA_DIR"],
    ["meterhouse_port", "METERHOUSE_PORT"],
    ["METERHOUSE_LOGLEVEL", "METERHOUSE_LOG_LEVEL"],
  ])("[RU3] %s is refused with the nearest name", (variable, nearest) => {
    expect(faultsOf({ [variable]: "1" })).toEqual([
      `${variable} is no setting: perhaps ${nearest}.`,
    ]);
  });

  it("[RU3] one that is near to nothing points to the help, and cannot forge a line", () => {
    expect(faultsOf({ "METERHOUSE_Q\nX": "1" })).toEqual([
      "METERHOUSE_Q?X is no setting: --help lists all settings.",
    ]);
    expect(faultsOf({ METER_PORT: "1", METERHOUSE: "1" })).toEqual([]);
  });
});

describe("contradictions", () => {
  it("[RU4] client id and secret go together", () => {
    expect(faultsOf({ METERHOUSE_CLIENT_ID: "abc" })).toEqual([
      "METERHOUSE_CLIENT_ID is set and METERHOUSE_CLIENT_SECRET is not: set both or neither.",
    ]);
    expect(faultsOf({ METERHOUSE_CLIENT_SECRET: secret })).toEqual([
      "METERHOUSE_CLIENT_SECRET is set and METERHOUSE_CLIENT_ID is not: set both or neither.",
    ]);
    const both = { METERHOUSE_CLIENT_ID: "abc", METERHOUSE_CLIENT_SECRET: secret };
    expect(configOf(both).client).toEqual({ id: "abc", secret });
    const same = { METERHOUSE_CLIENT_ID: secret, METERHOUSE_CLIENT_SECRET: secret };
    expect(faultsOf(same)).toEqual([
      "METERHOUSE_CLIENT_ID and METERHOUSE_CLIENT_SECRET must differ.",
    ]);
  });

  it.each([["pass word"], ["geheim\u00e9"], [`${secret} `], ["x".repeat(300)]])(
    "[RU4] the unusable secret %j is refused and not repeated",
    (weak) => {
      const env = { METERHOUSE_CLIENT_ID: "abc", METERHOUSE_CLIENT_SECRET: weak };
      const faults = faultsOf(env);
      expect(faults).toHaveLength(1);
      expect(faults[0]).toContain("1 to 256 visible ASCII");
      expect(faults[0]).not.toContain(weak);
    },
  );

  it.each([["changeme"], ["a".repeat(64)]])("[RU4] the weak secret %j is taken", (weak) => {
    const env = { METERHOUSE_CLIENT_ID: "abc", METERHOUSE_CLIENT_SECRET: weak };
    expect(configOf(env).client).toEqual({ id: "abc", secret: weak });
    expect([isWeakSecret(weak), isWeakSecret(secret)]).toEqual([true, false]);
  });

  it("[RU5] http:// for another machine needs a second setting, and the fault names both", () => {
    const env = { METERHOUSE_BASE_URL: "http://usage.example.com" };
    const faults = faultsOf(env);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain("METERHOUSE_BASE_URL");
    expect(faults[0]).toContain("METERHOUSE_ALLOW_HTTP");
    expect(configOf({ ...env, METERHOUSE_ALLOW_HTTP: "true" }).baseUrl).toBe(
      "http://usage.example.com",
    );
    expect(faultsOf({ METERHOUSE_BASE_URL: "http://127.0.0.1.example.com" })).toHaveLength(1);
    expect(faultsOf({ METERHOUSE_BASE_URL: "http://localhost.example.com" })).toHaveLength(1);
  });
});

describe("command line", () => {
  it("[RU6] --help names every setting with meaning and default", () => {
    const read = readArguments(["--version", "--help"]);
    const text = read.kind === "print" ? read.text : "";
    expect(text).toBe(helpText());
    for (const setting of listSettings()) {
      expect(text).toContain(setting.variable);
      expect(text.replace(/\s+/g, " ")).toContain(setting.meaning);
    }
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("[RU6] --version prints the version", () => {
    expect(readArguments(["--version"])).toEqual({
      kind: "print",
      text: `meterhouse ${productVersion()}\n`,
    });
    expect(productVersion()).toMatch(/^\d+\.\d+\.\d+/);
  });

  it("[RU6] nothing starts the server, anything else is refused in one sentence", () => {
    expect(readArguments([])).toEqual({ kind: "start" });
    for (const [argument, hint] of [
      ["--port=1", ""],
      ["--hepl", "--help"],
      ["start", ""],
    ] as const) {
      const read = readArguments([argument]);
      const reason = read.kind === "refuse" ? read.reason : "";
      expect(reason).toContain(`There is no argument "${argument}".`);
      expect(reason).toContain(hint);
    }
  });
});
