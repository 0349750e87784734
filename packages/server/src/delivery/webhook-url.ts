// What an address of a webhook may be, judged by its text alone when a destination is made or
// changed. The address that its name resolves to is judged again at every attempt; nothing here
// makes that needless.
import { isIP } from "node:net";
import { webhookUrlCharactersMax } from "../core/limits.ts";
import { fail, ok, type Result } from "../core/problem.ts";
import { addressFault } from "./address-guard.ts";

export interface WebhookUrlRules {
  /** Lets pass this machine and private networks, http and every port: for development. */
  readonly allowPrivate: boolean;
  readonly ports: readonly number[];
}

/** The address as it will be called, or every fault of it in one text that completes "url: …". */
export function webhookUrl(rules: WebhookUrlRules): (text: string) => Result<string, string> {
  return (text) => {
    const url = isPlain(text) ? URL.parse(text) : null;
    if (url === null || url.hostname === "") {
      return fail("must be an absolute https:// URL, such as https://example.com/hooks");
    }
    const faults = faultsOf(url, text, rules);
    return faults.length === 0 ? ok(url.href) : fail(faults.join("; "));
  };
}

/** A parser repairs white space, backslashes and missing slashes in silence; they are refused. */
function isPlain(text: string): boolean {
  return /^https?:\/\/[^/]/i.test(text) && !/[\s\\\p{Cc}]/u.test(text);
}

function faultsOf(url: URL, text: string, rules: WebhookUrlRules): readonly string[] {
  const faults: string[] = [];
  const { allowPrivate, ports } = rules;
  if (url.protocol !== "https:" && !allowPrivate) faults.push("must begin with https://");
  const authority = /^https?:\/\/([^/?#]*)/i.exec(text)?.[1] ?? "";
  if (authority.includes("@")) faults.push("must not hold a user or password");
  if (text.includes("#")) faults.push("must not have a fragment");
  const port = portOf(url);
  if (!allowPrivate && !ports.includes(port)) {
    faults.push(`must use one of the ports ${ports.join(", ")}, not ${port}`);
  }
  if (url.href.length > webhookUrlCharactersMax) {
    faults.push(`must be at most ${webhookUrlCharactersMax} characters when it is encoded`);
  }
  const fault = hostFault(url.hostname, allowPrivate);
  if (fault !== null) {
    const isAllowable = !allowPrivate && hostFault(url.hostname, true) === null;
    const way = isAllowable ? ` (${allowing})` : "";
    faults.push(`must not lead to this machine or a private network: ${fault}${way}`);
  }
  return faults;
}

/** What a developer who tries it on one machine has to know. */
const allowing =
  "allowed only where the server was started with METERHOUSE_ALLOW_PRIVATE_DESTINATIONS=true";

function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number.parseInt(port, 10);
  return protocol === "https:" ? 443 : 80;
}

/** Names are judged when they are resolved; only those that mean this machine are known before. */
function hostFault(hostname: string, allowPrivate: boolean): string | null {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) {
    const fault = addressFault(host, allowPrivate);
    return fault === null ? null : `${host} ${fault}`;
  }
  const isHere = !allowPrivate && /^(?:.+\.)?localhost\.?$/i.test(host);
  return isHere ? `${host} is this machine` : null;
}
