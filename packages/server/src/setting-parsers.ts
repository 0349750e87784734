// Readers of single settings: text in, value out, or one sentence that says what is allowed. They
// know nothing of names or variables; config.ts puts the name in front of the sentence. No reader
// repeats the text it refuses, since that may be a secret.
import { fail, ok, type Result } from "./core/problem.ts";

/** A value, or what is allowed: completes "METERHOUSE_… must be …". */
export type SettingParser<T> = (text: string) => Result<T, string>;

/** Digits only: no sign, no point, no exponent, no spaces. */
export function wholeNumber(low: number, high: number): SettingParser<number> {
  return (text) => {
    const value = /^[0-9]{1,15}$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
    if (value >= low && value <= high) return ok(value);
    return fail(`a whole number from ${low} to ${high}`);
  };
}

/** Zero means without end. */
export function zeroOr(low: number, high: number): SettingParser<number> {
  const some = wholeNumber(low, high);
  return (text) => {
    if (text === "0") return ok(0);
    const value = some(text);
    return value.ok ? value : fail(`0 or ${value.error}`);
  };
}

export function oneOf<T extends string>(allowed: readonly T[]): SettingParser<T> {
  return (text) => {
    const found = allowed.find((word) => word === text);
    return found === undefined ? fail(wordList(allowed)) : ok(found);
  };
}

export const trueOrFalse: SettingParser<boolean> = (text) => {
  if (text === "true") return ok(true);
  return text === "false" ? ok(false) : fail("true or false");
};

/** One or more, in the order given. */
export const portList: SettingParser<readonly number[]> = (text) => {
  const ports = text.split(",").map((item) => wholeNumber(1, 65_535)(item.trim()));
  const values = ports.flatMap((port) => (port.ok ? [port.value] : []));
  if (values.length === ports.length && values.length <= portsMax) return ok(values);
  return fail(`1 to ${portsMax} TCP ports with commas between them, such as 443,8443`);
};

const portsMax = 20;

/** `localhost` stands for both loopbacks. */
export const hostNames: SettingParser<readonly string[]> = (text) => {
  if (text === "localhost") return ok(["127.0.0.1", "::1"]);
  if (/^[A-Za-z0-9._-]{1,253}$/.test(text) || /^[0-9A-Fa-f:.]{2,45}(%[\w.-]+)?$/.test(text)) {
    return ok([text]);
  }
  return fail("a host name or an IP address, without port and brackets");
};

/** Absolute http or https URL without user, query and fragment; given back without last slash. */
export const baseUrlText: SettingParser<string> = (text) => {
  const allowed = fail(
    "an absolute http:// or https:// URL without user, query and fragment, " +
      "such as https://usage.example.com",
  );
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\/\S+$/i.test(text)) return allowed;
  if (url.username !== "" || url.password !== "" || /[?#]/.test(text)) return allowed;
  return ok(url.href.replace(/\/+$/, ""));
};

export const filePath: SettingParser<string> = (text) =>
  text.includes("\0") || text.trim() === "" ? fail("a path of a directory") : ok(text);

/** Goes into tokens, headers and a shell block, so it needs no escaping anywhere. */
export const clientIdText: SettingParser<string> = (text) =>
  /^[A-Za-z0-9._~-]{1,128}$/.test(text) ? ok(text) : fail("1 to 128 letters, digits and . _ ~ -");

/** Visible ASCII. One that could be guessed is taken and warned of at start (RU4). */
export const clientSecretText: SettingParser<string> = (text) =>
  /^[\x21-\x7e]{1,256}$/.test(text)
    ? ok(text)
    : fail("1 to 256 visible ASCII characters (32 or more from: openssl rand -hex 32)");

/** Kept as a plain SHA-256, which protects only what nobody can guess. */
export function isWeakSecret(secret: string): boolean {
  return secret.length < 32 || new Set(secret).size < 10;
}

function wordList(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
