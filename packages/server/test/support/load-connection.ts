// One connection of a caller to a real server: requests one after the other over one socket, each
// with its answer or the fact that none came. Knows nothing of what it sends.
import { Agent, type IncomingHttpHeaders, request } from "node:http";

export interface PlainAnswer {
  readonly status: number;
  text: string;
  readonly headers: IncomingHttpHeaders;
}

export class LoadConnection {
  readonly #base: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  token = "";

  constructor(baseUrl: string) {
    this.#base = new URL(baseUrl);
  }

  /** Rejects when the connection ends before the whole answer has come. */
  send(
    method: string,
    path: string,
    { body, accept = "application/json" }: { body?: unknown; accept?: string } = {},
  ): Promise<PlainAnswer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = { accept };
    if (this.token !== "") headers.authorization = `Bearer ${this.token}`;
    if (payload !== undefined) headers["content-type"] = "application/json";
    const { hostname, port } = this.#base;
    const options = { hostname, port, path, method, headers, agent: this.#agent };
    return new Promise((resolve, reject) => {
      const sent = request(options, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.once("end", () => {
          resolve({ status: response.statusCode ?? 0, text, headers: response.headers });
        });
        response.once("error", reject);
        response.once("aborted", () => reject(new Error("the answer was cut off")));
      });
      sent.once("error", reject);
      sent.end(payload);
    });
  }

  /** The parsed body; another status than 2xx fails. */
  async ask(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const { status, text } = await this.send(method, path, { body });
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  }

  close(): void {
    this.#agent.destroy();
  }
}
