// A tiny client of the API, shared by the examples and the benchmark: token, JSON requests, whole
// lists, and errors that a person can act on. It retries nothing but an expired token; amounts are
// read from `valueExact`, because a JSON number may have more digits than JavaScript keeps.

export interface ServerAccess {
  /** Without last slash, as the server knows itself: tokens are issued for exactly this address. */
  readonly baseUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface Client {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  /** One request with a line for each value. */
  postLines<T>(path: string, values: readonly unknown[]): Promise<T>;
  /** Makes an object; gives its id, or that of the one which is already there (409). */
  ensure(path: string, body: unknown): Promise<string>;
  /** All pages of a list; `member` is the name of the list in the answer. */
  list<T>(path: string, member: string): Promise<readonly T[]>;
  /** A token for requests that go another way; it is valid for an hour. */
  token(): string;
}

/** The answer to usage. */
export interface UsageAnswer {
  readonly received: number;
  readonly counted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly results: readonly {
    readonly index: number;
    readonly outcome: "duplicate" | "rejected" | "counted";
    readonly reason?: string;
    readonly detail?: string;
  }[];
}

/** Of a meter in answers, and of a metered record, what the examples use. */
export interface MeterDocument {
  readonly id: string;
  readonly userId: string;
  readonly meterTypeName: string;
  readonly unit: string;
  readonly periodEnd: string;
  readonly valueExact: string;
  readonly meterMetaData: { readonly count: number };
}

/** Its message says what was asked, what the server answered, and each fault. */
class RequestError extends Error {
  override readonly name = "RequestError";
  /** 0: no answer at all. */
  readonly status: number;
  readonly problem: Problem;

  constructor(message: string, status: number, problem: Problem) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

interface Problem {
  readonly detail?: string;
  readonly error_description?: string;
  readonly existingId?: string;
  readonly errors?: readonly { readonly pointer?: string; readonly detail?: string }[];
}

const pageItems = 100;

/** Gets a token first, so that a wrong address or secret is told before anything else. */
export async function connect(access: ServerAccess): Promise<Client> {
  let token = await fetchToken(access);
  const send = async (path: string, request: RequestInit): Promise<string> => {
    const attempt = (): Promise<string> => {
      const headers = { ...request.headers, authorization: `Bearer ${token}` };
      return exchange(access.baseUrl, path, { ...request, headers });
    };
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof RequestError) || error.status !== 401) throw error;
      token = await fetchToken(access);
      return attempt();
    }
  };
  const post = async <T>(path: string, body: string, type: string): Promise<T> => {
    const headers = { "content-type": type };
    return fromWire<T>(await send(path, { method: "POST", headers, body }));
  };
  const postJson = <T>(path: string, body: unknown): Promise<T> =>
    post(path, JSON.stringify(body), "application/json");
  const get = async <T>(path: string): Promise<T> => fromWire<T>(await send(path, {}));
  return {
    get,
    post: postJson,
    postLines: (path, values) =>
      post(path, values.map((value) => JSON.stringify(value)).join("\n"), "application/x-ndjson"),
    async ensure(path, body) {
      try {
        return (await postJson<{ readonly id: string }>(path, body)).id;
      } catch (error) {
        const id = error instanceof RequestError ? error.problem.existingId : undefined;
        if (id === undefined) throw error;
        return id;
      }
    },
    list: (path, member) => listAll(get, path, member),
    token: () => token,
  };
}

async function listAll<T>(get: Client["get"], path: string, member: string): Promise<readonly T[]> {
  const items: T[] = [];
  for (;;) {
    const query = `${path.includes("?") ? "&" : "?"}limit=${pageItems}&skip=${items.length}`;
    const page = (await get<Readonly<Record<string, readonly T[]>>>(path + query))[member] ?? [];
    for (const item of page) items.push(item);
    if (page.length < pageItems) return items;
  }
}

async function fetchToken({ baseUrl, clientId, clientSecret }: ServerAccess): Promise<string> {
  const body = JSON.stringify({
    grant_type: "client_credentials",
    audience: baseUrl,
    client_id: clientId,
    client_secret: clientSecret,
  });
  const headers = { "content-type": "application/json" };
  const text = await exchange(baseUrl, "/oauth/token", { method: "POST", headers, body });
  return fromWire<{ readonly access_token: string }>(text).access_token;
}

async function exchange(baseUrl: string, path: string, request: RequestInit): Promise<string> {
  const asked = `${request.method ?? "GET"} ${baseUrl}${path}`;
  let response: Response;
  try {
    response = await fetch(baseUrl + path, request);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = `${asked}: no answer (${reasonOf(cause)}). Is the server running there?`;
    throw new RequestError(reason, 0, {});
  }
  const text = await response.text();
  if (response.ok) return text;
  const problem = problemIn(text);
  const faults = (problem.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`);
  const detail = problem.detail ?? problem.error_description ?? text.slice(0, 200);
  throw new RequestError(
    `${asked} was answered ${response.status}: ${detail}${faults.join("")}`,
    response.status,
    problem,
  );
}

/** A refused connection to both loopbacks is an AggregateError without a message. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause ? String(cause.code) : cause.message;
}

function problemIn(text: string): Problem {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Believes the server's own description of its answers. */
function fromWire<T>(text: string): T {
  return JSON.parse(text) as T;
}
