// Verification of access tokens: what is accepted, the corpus of what is not, time to the second.
import { describe, expect, it } from "vitest";
import { Tokens } from "../../src/auth/tokens.ts";
import { createApiClient } from "../support/api-client.ts";
import { baseUrl, createEdgeServer, type EdgeServer, tokenOf } from "../support/edge-server.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { claimsOf, forge, forgeries } from "../support/token-forge.ts";

const server: EdgeServer = await createEdgeServer();
const client = await createApiClient(server.app);
const corpus = forgeries(server);

function isAccepted(token: string): boolean {
  return server.tokens.verify(token).ok;
}

describe("forged tokens", () => {
  it("the corpus is large, and its names and tokens differ", () => {
    expect(corpus.length).toBeGreaterThanOrEqual(120);
    expect(new Set(corpus.map(({ authorization }) => authorization)).size).toBe(corpus.length);
  });

  it.each(corpus)("[AU11] [AU12] [AU13] refused: $name", async ({ authorization }) => {
    const headers = { authorization };
    const response = await client.get("/things", { headers });
    expect(response.status).toBe(401);
    expect(response.body.code).toBe("invalid-token");
    expect(response.headers["www-authenticate"]).toMatch(/^Bearer error="invalid_token"/);
  });

  it("[AU11] after all of them nothing is remembered and nothing of a token is logged", () => {
    const logged = JSON.stringify(server.lines);
    for (const { authorization } of corpus) {
      const token = authorization.split(/\s+/).at(-1) ?? "";
      if (token.length > 40) expect(logged).not.toContain(token.slice(0, 40));
    }
    expect(server.tokens.rememberedCount).toBe(0);
  });

  it("[AU12] spellings that Node's decoder would take are refused by the verifier itself", () => {
    const token = forge(server);
    for (const spelling of [`${token}=`, `$${token}`, `${token}$`, ` ${token}`, `${token}\n`]) {
      expect(isAccepted(spelling)).toBe(false);
    }
    const texts = corpus.map(({ authorization }) => authorization);
    for (const text of texts.filter((one) => one.startsWith("Bearer "))) {
      expect(isAccepted(text.slice("Bearer ".length))).toBe(false);
    }
  });

  it("[AU23] two Authorization headers are refused, whichever comes first", async () => {
    const good = `Bearer ${await tokenOf(server)}`;
    for (const authorization of [
      [good, good],
      [good, "Bearer bad"],
    ]) {
      const response = await client.get("/things", { headers: { authorization } });
      expect(response.status).toBe(401);
    }
  });
});

describe("good tokens", () => {
  it.each(["Bearer", "bearer", "BEARER"])("[AU23] the scheme %s is accepted", async (scheme) => {
    const headers = { authorization: `${scheme} ${await tokenOf(server)}` };
    expect((await client.get("/things", { headers })).status).toBe(200);
  });

  it("[AU13] a forged token without a fault is accepted, so that the corpus can fail", () => {
    expect(isAccepted(forge(server))).toBe(true);
    expect(isAccepted(forge(server, { claims: claimsOf(server, { aud: ["x", baseUrl] }) }))).toBe(
      true,
    );
  });

  it("[AU10] a token has the sample's header and claims, jti and client_id", async () => {
    const token = await tokenOf(server, ["read:meters", "create:meters"]);
    const [header = "", claims = ""] = token.split(".");
    const read = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
    const now = Math.floor(server.clock.now() / 1000);
    expect(read(header)).toEqual({ alg: "RS256", typ: "JWT", kid: server.keys.signing.kid });
    expect(read(claims)).toEqual({
      accountId: "account-mine",
      iss: baseUrl,
      sub: `${server.mine.clientId}@clients`,
      aud: baseUrl,
      iat: now,
      exp: now + 3600,
      scope: "create:meters read:meters",
      gty: "client-credentials",
      azp: server.mine.clientId,
      client_id: server.mine.clientId,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(token.length).toBeLessThan(4096);
  });
});

describe("time", () => {
  const now = Math.floor(server.clock.now() / 1000);
  const rows = [
    { iat: now - 3600 - 29, good: true },
    { iat: now - 3600 - 30, good: false },
    { iat: now - 3600 - 31, good: false },
    { iat: now + 30, good: true },
    { iat: now + 31, good: false },
  ];
  it.each(rows)("[AU14] issued at $iat, good for an hour: $good", ({ iat, good }) => {
    const claims = claimsOf(server, { iat, exp: iat + 3600 });
    expect(isAccepted(forge(server, { claims }))).toBe(good);
  });

  it("[AU14] nbf may be 30 seconds ahead", () => {
    expect(isAccepted(forge(server, { claims: claimsOf(server, { nbf: now + 30 }) }))).toBe(true);
    expect(isAccepted(forge(server, { claims: claimsOf(server, { nbf: now + 31 }) }))).toBe(false);
  });
});

describe("remembered tokens", () => {
  it("[AU16] [AU14] a remembered token expires to the second", async () => {
    const own = await createEdgeServer();
    const token = await tokenOf(own);
    expect(own.tokens.verify(token).ok).toBe(true);
    expect(own.tokens.rememberedCount).toBe(1);
    await own.clock.advanceBy(3_629_999);
    expect(own.tokens.verify(token).ok).toBe(true);
    await own.clock.advanceBy(1);
    expect(own.tokens.verify(token)).toEqual({ ok: false, error: "expired" });
    expect(own.tokens.rememberedCount).toBe(0);
  });

  it("[AU15] [AU16] a token ends with its access, remembered or not", async () => {
    const own = await createEdgeServer();
    const token = await tokenOf(own);
    expect(own.tokens.verify(token).ok).toBe(true);
    own.accesses.delete(own.mine.clientId);
    expect(own.tokens.verify(token).ok).toBe(false);
    own.accesses.set(own.mine.clientId, { ...own.mine, accountId: "account-other" });
    expect(own.tokens.verify(token).ok).toBe(false);
    own.accesses.set(own.mine.clientId, own.mine);
    expect(own.tokens.verify(token).ok).toBe(true);
  });

  it("[AU16] a clock that goes back ends remembered tokens of the future", async () => {
    const own = await createEdgeServer();
    let offset = 0;
    const clock = {
      now: () => own.clock.now() + offset,
      monotonic: () => 0,
      sleepUntil: () => Promise.resolve(),
    };
    const accesses = { findAccess: () => own.mine };
    const random = createSeededRandom(1);
    const tokens = new Tokens({ keys: own.keys, accesses, clock, random, issuer: () => baseUrl });
    const token = await tokens.issue(own.mine, []);
    expect(tokens.verify(token).ok).toBe(true);
    offset = -600_000;
    expect(tokens.verify(token).ok).toBe(false);
  });

  it("[AU16] a bounded number is remembered, and the oldest goes first", async () => {
    const own = await createEdgeServer();
    let lookups = 0;
    const accesses = { findAccess: () => own.mine };
    const keys = {
      ...own.keys,
      verifying: {
        ...own.keys.verifying,
        get: (kid: string) => {
          lookups += 1;
          return own.keys.verifying.get(kid);
        },
      },
    };
    const { clock } = own;
    const random = createSeededRandom(1);
    const issuer = (): string => baseUrl;
    const tokens = new Tokens({ keys, accesses, clock, random, issuer, rememberedMax: 3 });
    const four = ["a", "b", "c", "d"].map((jti) => forge(own, { claims: claimsOf(own, { jti }) }));
    for (const token of four) tokens.verify(token);
    expect([tokens.rememberedCount, lookups]).toEqual([3, 4]);
    for (const token of four.slice(1)) expect(tokens.verify(token).ok).toBe(true);
    expect(lookups).toBe(4);
    expect(tokens.verify(four[0] ?? "").ok).toBe(true);
    expect([tokens.rememberedCount, lookups]).toEqual([3, 5]);
  });
});
