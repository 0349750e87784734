// Media types of bodies, and the choice among offered ones.
import { describe, expect, it } from "vitest";
import { parseMediaType, preferredType } from "../../src/http/media-type.ts";

describe("Content-Type", () => {
  const rows: readonly (readonly [string, string, string | undefined])[] = [
    ["application/json", "application/json", undefined],
    ["Application/X-NDJSON;charset=UTF-8", "application/x-ndjson", "utf-8"],
    ['text/plain; a="b;charset=x\\"" ; charset="Latin1"', "text/plain", "latin1"],
    ["application/cloudevents+json ; ; charset=utf-8;", "application/cloudevents+json", "utf-8"],
  ];
  it.each(rows)("[HT14] %s", (header, type, charset) => {
    expect(parseMediaType(header)).toEqual({ type, charset });
  });

  const none = ["", "json", "/json", "a/", "a/b/c", "a b/c", "a/b; c", "a/b; c=", "a/b,c/d"];
  it.each([...none, "a/b; charset=x; charset=x", 'a/b; c="', "a/b\u00e9"])(
    "[HT14] %j is none",
    (header) => {
      expect(parseMediaType(header)).toBeUndefined();
    },
  );

  it("[HT14] a hostile header takes linear time, and many different ones no memory", () => {
    expect(parseMediaType(`a/b${";".repeat(100_000)}`)).toEqual({
      type: "a/b",
      charset: undefined,
    });
    for (let index = 0; index < 2_000; index++) parseMediaType(`a/b; x=${index}`);
    expect(parseMediaType("a/b; x=1")).toEqual({ type: "a/b", charset: undefined });
  });
});

describe("Accept", () => {
  const offered = ["application/json", "application/x-ndjson", "text/csv"] as const;
  const rows: readonly (readonly [string | undefined, (typeof offered)[number]])[] = [
    [undefined, "application/json"],
    ["", "application/json"],
    ["*/*", "application/json"],
    ["text/csv", "text/csv"],
    ["TEXT/*", "text/csv"],
    ["application/json;q=0.5, text/csv", "text/csv"],
    ["application/*, text/csv;q=0.9", "application/json"],
    ["application/json;q=0, */*", "application/x-ndjson"],
    ["application/x-ndjson;q=0.3, text/csv;q=0.30, image/png", "application/x-ndjson"],
    ["image/png", "application/json"],
    ["text/csv;q=1.5, application/x-ndjson;q=0.1", "application/x-ndjson"],
  ];
  it.each(rows)("[HT29] %j gives %s", (accept, expected) => {
    expect(preferredType(accept, offered)).toBe(expected);
  });
});
