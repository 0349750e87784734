// How the oracle reads one usage record: JSON.parse, own decimals, the order of checks as the rules
// say it. It shares no code with the core and knows only what the simulation sends.

export interface OracleRecord {
  readonly id: string | null;
  readonly userId: string;
  /** Scaled by 10^18. */
  readonly amount: bigint;
  readonly at: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface OracleRefusal {
  readonly reason: string;
  readonly id: string | null;
  readonly userId: string | null;
}

/** What the oracle remembers of ids. */
export interface IdJudge {
  /** Ids counted since are known. */
  readonly knownSince: number;
  /** A setting: how far ahead of the entry a timestamp may lie. */
  readonly futureToleranceMs: number;
  contentOf(userId: string, id: string): string | undefined;
}

export type OracleReading =
  | { readonly kind: "record"; readonly record: OracleRecord }
  | { readonly kind: "duplicate" }
  | { readonly kind: "refusal"; readonly refusal: OracleRefusal };

export function readRecord(sent: unknown, now: number, ids: IdJudge): OracleReading {
  if (typeof sent !== "object" || sent === null || Array.isArray(sent)) {
    return refuse("INVALID_RECORD", null, null);
  }
  const fields = sent as Readonly<Record<string, unknown>>;
  const id = typeof fields.id === "string" && fields.id !== "" ? fields.id : null;
  const { userId } = fields;
  if (typeof userId !== "string" || userId === "") return refuse("MISSING_USER_ID", id, null);
  const at = instantOf(fields.timestamp, now, ids.futureToleranceMs);
  if (id !== null) {
    const content = ids.contentOf(userId, id);
    if (content !== undefined) {
      const isSame = content === contentText(fields);
      return isSame ? { kind: "duplicate" } : refuse("ID_CONFLICT", id, userId);
    }
    if (typeof at === "number" && at < ids.knownSince) {
      return refuse("OLDER_THAN_ID_WINDOW", id, userId);
    }
  }
  const amount = amountOf(fields.value);
  if (typeof amount === "string") return refuse(amount, id, userId);
  if (typeof at === "string") return refuse(at, id, userId);
  return { kind: "record", record: { id, userId, amount, at, fields } };
}

/** Equal for equal members, in whatever order they came. */
export function contentText(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** As amounts go out: no exponent, no trailing zeros. */
export function amountText(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(19, "0");
  const fraction = digits.slice(-18).replace(/0+$/, "");
  const text = `${digits.slice(0, -18)}${fraction === "" ? "" : `.${fraction}`}`;
  return amount < 0n ? `-${text}` : text;
}

function refuse(reason: string, id: string | null, userId: string | null): OracleReading {
  return { kind: "refusal", refusal: { reason, id, userId } };
}

/** An instant, or the reason why it is none. */
function instantOf(value: unknown, now: number, toleranceMs: number): number | string {
  if (value === undefined || value === null || value === "") return now;
  const instant = typeof value === "number" ? value : Date.parse(String(value));
  if (Number.isNaN(instant)) return "INVALID_TIMESTAMP";
  if (instant <= now) return instant;
  return instant <= now + toleranceMs ? now : "TIMESTAMP_IN_FUTURE";
}

function amountOf(value: unknown): bigint | string {
  if (value === undefined || value === null || value === "") return "MISSING_VALUE";
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value));
  if (match === null || typeof value === "boolean") return "INVALID_VALUE";
  const [, sign, whole = "", fraction = ""] = match;
  if (whole.replace(/^0+/, "").length > 20) return "VALUE_OUT_OF_RANGE";
  if (fraction.replace(/0+$/, "").length > 18) return "VALUE_TOO_PRECISE";
  const amount = BigInt(whole + fraction.slice(0, 18).padEnd(18, "0"));
  return sign === "-" ? -amount : amount;
}
