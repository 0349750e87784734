// Lists over HTTP: pages, filters, orders and their faults, for what is listed from memory and for
// meters. Metered records and data correction have tests of their own.
import { describe, expect, it } from "vitest";
import type { ApiClient } from "../support/api-client.ts";
import {
  itemsIn,
  made,
  makeMeter,
  makeType,
  meterTypeBody,
  placesIn,
  sendUsage,
} from "../support/samples.ts";
import { meterKey, otherMeterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();

const lists = [
  ["/meter-types", "meterTypes"],
  ["/meters", "meters"],
  ["/meter-processors", "meterProcessors"],
  ["/metered-records", "meteredRecords"],
  ["/data-correction/records", "records"],
] as const;

/** 105 meter types `T000`…, each with a meter, and as many processors; records in correction. */
async function fill(api: ApiClient, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const name = `T${String(at).padStart(3, "0")}`;
    const { id } = await makeType(api, { name });
    await makeMeter(api, id);
    const rule = { ignoreCondition: true, matchCategory: "x" };
    await made(api, "/meter-processors", { name, meterKey: name, guidingRules: [rule] });
  }
  await sendUsage(
    api,
    Array.from({ length: count }, (_, id) => ({ userId: "user", id })),
  );
}

describe("pages of every list", () => {
  it("[LI1] [LI2] [LI5] [LI7] limit, skip and X-Total-Count", async () => {
    const { server } = world;
    await fill(server.api, 105);
    await server.jumpTo("2026-02-01T00:00:00Z");
    const { api } = server;
    for (const [path, member] of lists) {
      const total = path === "/meter-processors" ? 106 : 105;
      const count = async (query: string): Promise<number> => {
        const response = await api.get(`${path}${query}`);
        expect(response.headers["x-total-count"]).toBe(String(total));
        return itemsIn(response, member).length;
      };
      expect(await count("")).toBe(100);
      expect(await count("?limit=101")).toBe(100);
      expect(await count("?limit=9007199254740993")).toBe(100);
      expect(await count(`?limit=${"9".repeat(400)}`)).toBe(100);
      expect(await count("?limit=007")).toBe(7);
      expect(await count("?skip=100")).toBe(total - 100);
      expect(await count("?limit=100&skip=0")).toBe(100);
      expect(await count(`?skip=${total}`)).toBe(0);
      expect(await count("?skip=9007199254740993")).toBe(0);
      const seen: string[] = [];
      for (let skip = 0; skip < total + 30; skip += 30) {
        const page = await api.get(`${path}?limit=30&skip=${skip}`);
        for (const item of itemsIn(page, member)) {
          seen.push(String(item.recordId ?? item.id ?? item.meterKey));
        }
      }
      expect(new Set(seen.map((id, at) => (path.startsWith("/data") ? at : id))).size).toBe(total);
      expect(seen).toHaveLength(total);
    }
  });

  const faulty = [
    "0",
    "00",
    "-1",
    "+1",
    "1e3",
    "0x10",
    " 5",
    "5 ",
    "５",
    "1.0",
    "1_0",
    "",
    "NaN",
    "٣",
  ];
  it.each(faulty)("[LI2] %j is no limit, and no skip but for zero", async (text) => {
    const { api } = world.server;
    for (const [path] of lists) {
      const response = await api.get(`${path}?limit=${encodeURIComponent(text)}`);
      expect([response.status, placesIn(response)]).toEqual([400, ["limit"]]);
      if (/^0+$/.test(text)) continue;
      const skipped = await api.get(`${path}?skip=${encodeURIComponent(text)}`);
      expect([skipped.status, placesIn(skipped)]).toEqual([400, ["skip"]]);
    }
  });

  it("[LI4] unknown and repeated parameters, and all faults together", async () => {
    const { api } = world.server;
    for (const [path] of lists) {
      for (const query of ["?x=1", "?limit=1&limit=1", "?limit[]=1", "?Limit=1", "?__proto__=1"]) {
        expect((await api.get(`${path}${query}`)).status).toBe(400);
      }
      const both = await api.get(`${path}?limit=0&skip=x`);
      expect(placesIn(both)).toEqual(["limit", "skip"]);
      // What is unknown, sent twice or wrongly encoded hides nothing else, and is told once.
      const mixed = await api.get(`${path}?skip=x&colour=1&limit=0&limit=2&skip=1`);
      expect(placesIn(mixed)).toEqual(["colour", "limit", "skip"]);
      expect(placesIn(await api.get(`${path}?x=1&skip=%ff&limit=0`))).toEqual([
        "x",
        "skip",
        "limit",
      ]);
    }
    const all = "?limit=0&skip=-1&sortOrder=UP&sortBy=colour";
    expect(placesIn(await api.get(`/meter-types${all}`))).toEqual([
      "limit",
      "skip",
      "sortOrder",
      "sortBy",
    ]);
  });

  it("[LI6] another account's objects are never listed, counted or found by a filter", async () => {
    const { server } = world;
    await fill(server.api, 2);
    await server.jumpTo("2026-02-01T00:00:00Z");
    const { api, other } = server;
    const type = itemsIn(await api.get("/meter-types"), "meterTypes")[0];
    const meter = itemsIn(await api.get("/meters"), "meters")[0];
    const queries: Record<string, readonly string[]> = {
      "/meter-types": ["?name=T000"],
      "/meters": [`?meterTypeId=${type?.id}`, "?userId=user", `?meterKey=${meterKey}`],
      "/metered-records": [`?meterId=${meter?.id}`, "?userId=user", `?meterKey=${meterKey}`],
      "/data-correction/records": [`?meterKey=${meterKey}`, "?userId=user", "?recordId=0"],
    };
    for (const [path, member] of lists.filter(([one]) => one !== "/meter-processors")) {
      for (const query of ["", ...(queries[path] ?? [])]) {
        expect(itemsIn(await api.get(`${path}${query}`), member).length).toBeGreaterThan(0);
        const theirs = await other.get(`${path}${query}`);
        expect([theirs.headers["x-total-count"], itemsIn(theirs, member)]).toEqual(["0", []]);
      }
    }
    const processors = itemsIn(await other.get("/meter-processors"), "meterProcessors");
    expect(processors.map((one) => one.meterKey)).toEqual([otherMeterKey]);
  });

  it("[LI9] an exact filter that is empty is 400", async () => {
    const { api } = world.server;
    const response = await api.get("/meters?userId=&meterKey=&meterTypeId");
    expect(placesIn(response)).toEqual(["meterKey", "meterTypeId", "userId"]);
    expect(placesIn(await api.get("/metered-records?meterId="))).toEqual(["meterId"]);
    expect(placesIn(await api.get("/data-correction/records?recordId="))).toEqual(["recordId"]);
  });

  it("[LI8] a page ends early rather than be too large, with one item at least", async () => {
    const { server } = world;
    const { api } = server;
    const large = `[${"1,".repeat(160_000)}1]`;
    const type = await makeType(api);
    const otherOperations = [{ field: "large", operation: "carry-last" }];
    const guidingRules = [{ ignoreCondition: true, matchCategory: "DEFAULT", otherOperations }];
    await api.patch(`/meter-processors/${meterKey}`, { guidingRules });
    for (let at = 0; at < 60; at += 1) {
      await makeMeter(api, String(type.id), { userId: `user-${at}` });
      const sent = await sendUsage(api, `{"userId":"user-${at}","value":1,"large":${large}}`);
      expect(sent.body.counted).toBe(1);
    }
    const page = await api.get("/meters");
    const shown = itemsIn(page, "meters").length;
    expect(page.headers["x-total-count"]).toBe("60");
    expect([shown > 45, shown < 60]).toEqual([true, true]);
    await server.jumpTo("2026-02-01T00:00:00Z");
    const first = await server.api.get("/metered-records");
    const taken = itemsIn(first, "meteredRecords").length;
    expect([taken > 45, taken < 60]).toEqual([true, true]);
    const rest = await server.api.get(`/metered-records?cursor=${first.headers["x-next-cursor"]}`);
    expect(itemsIn(rest, "meteredRecords")).toHaveLength(60 - taken);
    expect(rest.headers["x-next-cursor"]).toBeUndefined();
  });
});

describe("GET /meter-types", () => {
  async function names(query: string): Promise<readonly string[]> {
    const response = await world.server.api.get(`/meter-types${query}`);
    return itemsIn(response, "meterTypes").map(({ name }) => String(name));
  }

  it("[LI11] [LI12] part of a name in any case, the exact one first", async () => {
    const { api } = world.server;
    for (const name of ["pay", "A Pay", "Pay-Per-Print", "Prepaid", "Pay", "PAY", "Pay (x)"]) {
      await makeType(api, { name });
    }
    expect(await names("")).toEqual([
      "A Pay",
      "PAY",
      "Pay",
      "Pay (x)",
      "Pay-Per-Print",
      "Prepaid",
      "pay",
    ]);
    const found = ["A Pay", "PAY", "Pay (x)", "Pay-Per-Print", "pay"];
    expect(await names("?name=Pay")).toEqual(["Pay", ...found]);
    expect(await names("?name=Pay&sortOrder=desc")).toEqual(["Pay", ...found.toReversed()]);
    expect(await names("?name=pAY")).toEqual(["A Pay", "PAY", "Pay", ...found.slice(2)]);
    expect(await names("?name=Pay&sortBy=name")).toEqual([
      "A Pay",
      "PAY",
      "Pay",
      ...found.slice(2),
    ]);
    expect(await names("?name=")).toHaveLength(7);
    expect((await api.get("/meter-types?name=pay&limit=1")).headers["x-total-count"]).toBe("6");
    expect(await names("?name=Pay-Per-Print")).toEqual(["Pay-Per-Print"]);
  });

  it.each([".*", "%25", "_", "(", "[a-z]", "^a", "a%00b", "\\d", "a' OR '1'='1", "*"])(
    "[LI11] %s is text, not a pattern",
    async (name) => {
      await makeType(world.server.api, { name: "abc" });
      const query = name.includes("%") ? name : encodeURIComponent(name);
      const response = await world.server.api.get(`/meter-types?name=${query}`);
      if (name === "a%00b") expect(response.status).toBe(400);
      else expect(itemsIn(response, "meterTypes")).toEqual([]);
    },
  );

  it("[LI3] [LI12] [LI13] sortBy each member that holds one value, both ways", async () => {
    const { server } = world;
    const day = (at: number): string => `2026-0${at}-01T00:00:00Z`;
    const fields = [
      { capacity: 9, category: "b", description: "z", externalRef: "e", activeTo: day(8) },
      { capacity: 10, category: "C", description: "", unit: "a", activeFrom: day(4) },
      { timezone: "Africa/Accra", externalRef: "d", activeTo: day(9), description: "m" },
      { capacity: 0.5, category: "a", unit: "Z", activeTo: day(7), activeFrom: day(3) },
    ];
    for (const [at, one] of fields.entries()) {
      await server.jumpTo(`2026-01-0${at + 1}T00:00:00Z`);
      const { id } = await makeType(server.api, { name: `N${(at * 3) % 4}`, ...one });
      for (let count = 0; count < at; count += 1)
        await makeMeter(server.api, id, { userId: `${count}` });
    }
    const all = itemsIn(await server.api.get("/meter-types"), "meterTypes");
    const members = Object.keys(all[0] ?? {}).filter((name) =>
      all.some((type) => typeof type[name] !== "object"),
    );
    expect(members).toHaveLength(14);
    for (const member of members) {
      for (const [order, turn] of [
        ["ASC", 1],
        ["dEsC", -1],
      ] as const) {
        const expected = all.toSorted(
          (a, b) => turn * compare(a[member], b[member]) || compare(a.id, b.id),
        );
        expect(await names(`?sortBy=${member}&sortOrder=${order}`)).toEqual(
          expected.map(({ name }) => name),
        );
      }
    }
  });

  it.each(["aggregation", "thresholds", "resetSchedule", "Name", "", "__proto__", "toString"])(
    "[LI13] sortBy %j is 400",
    async (sortBy) => {
      const response = await world.server.api.get(`/meter-types?sortBy=${sortBy}`);
      expect([response.status, placesIn(response)]).toEqual([400, ["sortBy"]]);
    },
  );

  it.each(["up", "", "ASC ", "ASC,DESC", "1", "dеsc"])(
    "[LI3] sortOrder %j is 400",
    async (order) => {
      const { api } = world.server;
      for (const path of ["/meter-types", "/metered-records", "/data-correction/records"]) {
        const response = await api.get(`${path}?sortOrder=${encodeURIComponent(order)}`);
        expect([response.status, placesIn(response)]).toEqual([400, ["sortOrder"]]);
      }
    },
  );
});

describe("GET /meters and /meter-processors", () => {
  it("[LI14] order, filters joined by AND, live values", async () => {
    const { server } = world;
    const { api } = server;
    const first = await makeType(api);
    const second = await makeType(api, { name: "Second" });
    const meters: { readonly id: string }[] = [];
    for (const userId of ["b", "a"]) {
      for (const key of [meterKey, "k2"]) {
        for (const type of [first, second]) {
          server.world.clock.set(server.now + 1_000);
          meters.push(await makeMeter(api, type.id, { userId, meterKey: key }));
        }
      }
    }
    const ids = async (query: string): Promise<readonly unknown[]> =>
      itemsIn(await api.get(`/meters${query}`), "meters").map(({ id }) => id);
    const of = (...at: readonly number[]): readonly unknown[] => at.map((one) => meters[one]?.id);
    expect(await ids("")).toEqual(of(0, 1, 2, 3, 4, 5, 6, 7));
    expect(await ids("?userId=a")).toEqual(of(4, 5, 6, 7));
    expect(await ids("?userId=A")).toEqual([]);
    expect(await ids(`?meterKey=k2&meterTypeId=${first.id}`)).toEqual(of(2, 6));
    expect(await ids(`?meterKey=k2&meterTypeId=${first.id}&userId=b`)).toEqual(of(2));
    expect(await ids("?limit=2&skip=1&userId=a")).toEqual(of(5, 6));
    await sendUsage(api, { userId: "a", value: 7 });
    const [meter] = itemsIn(await api.get("/meters?userId=a&limit=1"), "meters");
    expect(meter).toEqual((await api.get(`/meters/${meter?.id}`)).body);
    expect(meter?.value).toBe(7);
    expect((await api.get("/meters?sortBy=id")).status).toBe(400);
  });

  it("[LI15] processors by age, then by key", async () => {
    const { server } = world;
    const body = { guidingRules: meterTypeRules };
    await made(server.api, "/meter-processors", { ...body, name: "x", meterKey: "zz" });
    await made(server.api, "/meter-processors", { ...body, name: "y", meterKey: "aa" });
    await server.jumpTo(server.now + 1_000);
    await made(server.api, "/meter-processors", { ...body, name: "z", meterKey: "a0" });
    const keys = async (query: string): Promise<readonly unknown[]> =>
      itemsIn(await server.api.get(`/meter-processors${query}`), "meterProcessors").map(
        (one) => one.meterKey,
      );
    expect(await keys("")).toEqual(["aa", meterKey, "zz", "a0"].toSorted(byAge));
    expect(await keys("?limit=1&skip=3")).toEqual(["a0"]);
  });
});

const meterTypeRules = [{ ignoreCondition: true, matchCategory: meterTypeBody.name.slice(0, 5) }];

/** All but `a0` are of the same instant. */
function byAge(a: string, b: string): number {
  return Number(a === "a0") - Number(b === "a0") || compare(a, b);
}

function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return (a as string) < (b as string) ? -1 : 1;
}
