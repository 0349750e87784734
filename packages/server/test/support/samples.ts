// The bodies that tests of the API send, and short ways to make what they need. Defaults are the
// samples of the published API; a test names what matters to it.
import { assert } from "../../src/core/problem.ts";
import type { ApiClient, ApiRequest, ApiResponse } from "./api-client.ts";
import { meterKey } from "./test-server.ts";

export const meterTypeBody = {
  name: "Usage based API counter",
  unit: "requests",
  timezone: "Etc/UTC",
  aggregation: { type: "sum" },
  resetSchedule: { minute: "0", hour: "0", day: "1", month: "*", weekday: "*" },
};

/** The object that a POST made; anything but 201 fails the test. */
export async function made(
  api: ApiClient,
  path: string,
  json: object,
): Promise<Readonly<Record<string, unknown>> & { readonly id: string }> {
  const response = await api.post(path, json);
  assert(response.status === 201, `${path}: ${response.status} ${response.text}`);
  return { ...response.body, id: String(response.body.id) };
}

export function makeType(api: ApiClient, fields: object = {}): ReturnType<typeof made> {
  return made(api, "/meter-types", { ...meterTypeBody, ...fields });
}

export function makeMeter(
  api: ApiClient,
  meterTypeId: string,
  fields: object = {},
): ReturnType<typeof made> {
  return made(api, "/meters", { userId: "user", meterKey, meterTypeId, ...fields });
}

/** Usage as JSON, or as text with its own content type. */
export function sendUsage(
  api: ApiClient,
  body: unknown,
  { key = meterKey, query = "", contentType = "application/json" } = {},
): Promise<ApiResponse> {
  return api.send(usageRequest(body, { path: `${usagePath(key)}${query}`, contentType }));
}

export function usagePath(key: string): string {
  return `/meter-processors/${key}/usage-records`;
}

export function usageRequest(
  body: unknown,
  { path, contentType }: { readonly path: string; readonly contentType: string },
): ApiRequest {
  const isSent = typeof body === "string" || Buffer.isBuffer(body);
  const payload = isSent ? body : JSON.stringify(body);
  return { method: "POST", path, payload, headers: { "content-type": contentType } };
}

/** `pointer` or `parameter` of each listed fault. */
export function placesIn({ body }: ApiResponse): readonly string[] {
  const errors = Array.isArray(body.errors) ? body.errors : [];
  return errors.map((fault: { pointer?: string; parameter?: string }) =>
    String(fault.pointer ?? fault.parameter),
  );
}

/** A list's items. */
export function itemsIn(response: ApiResponse, member: string): readonly Record<string, unknown>[] {
  const items = response.body[member];
  assert(Array.isArray(items), `${response.status} ${response.text}`);
  return items;
}

/** A problem's body without what differs between two requests. */
export function plainProblem({ status, body }: ApiResponse): object {
  const { requestId, instance, ...rest } = body;
  assert(requestId !== undefined && instance !== undefined, "a problem names its request");
  return { sent: status, ...rest };
}
