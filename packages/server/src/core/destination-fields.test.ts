// Reading destinations: every member, each wrong kind, both sides of each limit, defaults. Which
// addresses a webhook may have is tested with delivery/webhook-url.ts; here it is a stand-in.
import { describe, expect, it } from "vitest";
import {
  accepted,
  body,
  bodyOf,
  faultsOf,
  type Kind,
  pointersOf,
  withMember,
  wrongKinds,
} from "../../test/support/body-matrix.ts";
import { readDestination, readDestinationPatch } from "./destination-fields.ts";
import type { JsonValue } from "./json-value.ts";
import { fail, ok, type Result } from "./problem.ts";

const url = "https://example.com/hooks";
const webhook = { name: "Billing", kind: "webhook", url };
const file = { name: "Billing", kind: "file", folder: "billing" };

function standIn(text: string): Result<string, string> {
  return text.startsWith("https://") ? ok(`${text}!`) : fail("must be https");
}

const create = (value: JsonValue) => readDestination(value, standIn);
const created = (base: object, members: object) => create(body({ ...base, ...members }));
const target = { kind: "webhook", url, secrets: [] } as const;
const patch = (value: JsonValue) => readDestinationPatch(value, { target }, standIn);
const patched = (members: object) => patch(body(members));
const filePatched = (members: object) =>
  readDestinationPatch(
    body(members),
    { target: { kind: "file", folder: "f", format: "csv" } },
    standIn,
  );

describe("a new destination", () => {
  it("[DV2] [DV4] [DV5] [DV6] [DV11] has every default", () => {
    const shared = { name: "Billing", outputs: ["reset"], meterKeys: [], enabled: true };
    expect(accepted(create(body(webhook)))).toEqual({
      ...shared,
      target: { kind: "webhook", url: `${url}!` },
    });
    expect(accepted(create(body(file)))).toEqual({
      ...shared,
      target: { kind: "file", folder: "billing", format: "ndjson" },
    });
  });

  it("[DV3] needs a kind, and without one tells the faults of what both kinds have", () => {
    const { kind: _, ...kindless } = webhook;
    expect(faultsOf(create(body(kindless)))).toEqual(["/kind: is required"]);
    const wrong = { name: 1, kind: "kafka", url: 7, folder: "..", outputs: [], oops: 1 };
    expect(pointersOf(create(body(wrong)))).toEqual(["/oops", "/kind", "/name", "/outputs"]);
  });

  it("[DV1] tells all faults at once", () => {
    const wrong = { ...file, name: "", url, folder: "a/b", format: "xml", id: "1", outptus: [] };
    expect(faultsOf(create(body(wrong)))).toEqual([
      '/url: belongs to destinations of the kind "webhook"',
      "/id: is set by the engine and cannot be sent",
      "/outptus: is not a member of a file destination; did you mean outputs?",
      "/name: must be 1 to 80 characters",
      expect.stringContaining("/folder: must be a plain name"),
      '/format: must be one of "ndjson", "csv"',
    ]);
  });

  it.each<[string, object, readonly Kind[]]>([
    ["name", webhook, ["string"]],
    ["kind", webhook, ["string"]],
    ["url", webhook, ["string"]],
    ["outputs", webhook, ["array"]],
    ["meterKeys", webhook, ["array"]],
    ["enabled", webhook, ["boolean"]],
    ["folder", file, ["string"]],
    ["format", file, ["string"]],
  ])("[DV1] %s of a wrong kind or null is a fault", (name, base, right) => {
    for (const text of ["null", ...wrongKinds(right)]) {
      expect(pointersOf(create(withMember(base, name, text))), text).toContain(`/${name}`);
    }
  });

  it.each(["null", "[]", '"x"', "1", "true"])("[DV1] the body %s is a fault", (text) => {
    expect(pointersOf(create(bodyOf(text)))[0]).toBe("");
    expect(pointersOf(patch(bodyOf(text)))).toEqual([""]);
  });

  it("[DV1] names that mean something to JavaScript are members like others", () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      expect(pointersOf(create(withMember(webhook, name, "{}")))).toEqual([`/${name}`]);
    }
  });

  it("[DV2] a name has 1 to 80 characters", () => {
    expect(accepted(created(webhook, { name: ` ${"n".repeat(80)} ` })).name).toHaveLength(80);
    expect(pointersOf(created(webhook, { name: "n".repeat(81) }))).toEqual(["/name"]);
  });

  it("[DV4] outputs are kept in one order, each once", () => {
    const both = accepted(created(webhook, { outputs: ["threshold", "reset"] }));
    expect(both.outputs).toEqual(["reset", "threshold"]);
    expect(pointersOf(created(webhook, { outputs: [] }))).toEqual(["/outputs"]);
    expect(faultsOf(created(webhook, { outputs: ["reset", "reset"] }))).toEqual([
      "/outputs/1: is in the list already",
    ]);
    expect(pointersOf(created(webhook, { outputs: ["reset", "other"] }))).toEqual(["/outputs/1"]);
  });

  it("[DV5] meter keys are 100 at most, of the form of a key, each once", () => {
    const keys = Array.from({ length: 101 }, (_, index) => `key-${index}`);
    const most = accepted(created(webhook, { meterKeys: keys.slice(1) }));
    expect(most.meterKeys).toHaveLength(100);
    expect(pointersOf(created(webhook, { meterKeys: keys }))).toEqual(["/meterKeys"]);
    expect(pointersOf(created(webhook, { meterKeys: ["a", "a b", "a"] }))).toEqual([
      "/meterKeys/1",
      "/meterKeys/2",
    ]);
    expect(pointersOf(created(webhook, { meterKeys: ["a", "b", "a"] }))).toEqual(["/meterKeys/2"]);
  });

  it("[DV7] a url of 2,000 characters is judged, a longer one is a fault by itself", () => {
    expect(faultsOf(created(webhook, { url: "ftp://x" }))).toEqual(["/url: must be https"]);
    const long = `${url}/${"x".repeat(2_000)}`;
    expect(accepted(created(webhook, { url: long.slice(0, 2_000) })).target.kind).toBe("webhook");
    expect(pointersOf(created(webhook, { url: long.slice(0, 2_001) }))).toEqual(["/url"]);
  });

  it.each(["a", "Billing-2026", "a.b_c", "9", "x".repeat(80), "a_"])(
    "[DV11] the folder %s is a plain name",
    (folder) => {
      expect(accepted(created(file, { folder })).target).toMatchObject({ folder });
    },
  );

  it.each([
    "",
    ".",
    "..",
    ".hidden",
    "a.",
    "a/b",
    "a\\b",
    "-a",
    "ä",
    "a b",
    "x".repeat(81),
    "a\u0000",
  ])("[DV11] the folder %j is none", (folder) => {
    const sent = { ...file, folder } as unknown as JsonValue;
    expect(new Set(pointersOf(create(sent)))).toEqual(new Set(["/folder"]));
  });
});

describe("a change", () => {
  it("[DV16] names what it changes; {} changes nothing", () => {
    expect(accepted(patched({}))).toEqual({});
    const all = {
      name: "n",
      url,
      outputs: ["threshold"],
      meterKeys: ["k"],
      enabled: false,
    };
    expect(accepted(patched(all))).toEqual({ ...all, url: `${url}!` });
    expect(accepted(filePatched({ enabled: true }))).toEqual({ enabled: true });
  });

  it("[DV3] [DV11] kind, folder and format stay as they are", () => {
    const fixed = "cannot be changed; create another destination";
    expect(faultsOf(patched({ kind: "webhook", folder: "f" }))).toEqual([
      `/kind: ${fixed}`,
      '/folder: belongs to destinations of the kind "file"',
    ]);
    expect(faultsOf(filePatched({ kind: "file", folder: "f", format: "csv", url }))).toEqual([
      `/kind: ${fixed}`,
      `/folder: ${fixed}`,
      `/format: ${fixed}`,
      '/url: belongs to destinations of the kind "webhook"',
    ]);
  });

  it("[DV1] null is a fault everywhere", () => {
    for (const name of ["name", "url", "outputs", "meterKeys", "enabled"]) {
      expect(pointersOf(patched({ [name]: null }))).toEqual([`/${name}`]);
    }
  });
});
