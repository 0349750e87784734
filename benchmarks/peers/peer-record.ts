// What a hand-made counter does with a body before it reaches its store: parse, and where it wants
// to, add up by user and by group in the client. Sums are kept in thousandths as JavaScript numbers,
// which suits this load and costs the peers less than exact decimals would.

export interface PeerRecord {
  readonly id: string;
  readonly userId: string;
  readonly value: number;
  readonly model: string;
  readonly region: string;
  readonly session: string;
}

/** A user's share of one body. */
export interface UserSum {
  thousandths: number;
  records: number;
  /** By `m:<model>` and `r:<region>`. */
  readonly groups: Map<string, number>;
  session: string;
}

/** Believes the load generator; a real server would check every field. */
export function parseBody(body: Buffer): readonly PeerRecord[] {
  return JSON.parse(body.toString("utf8")) as PeerRecord[];
}

/** By user, in the order of their ids, so that concurrent writers lock in one order. */
export function sumByUser(records: readonly PeerRecord[]): ReadonlyMap<string, UserSum> {
  const sums = new Map<string, UserSum>();
  for (const { userId, value, model, region, session } of records) {
    let sum = sums.get(userId);
    if (sum === undefined) {
      sum = { thousandths: 0, records: 0, groups: new Map(), session };
      sums.set(userId, sum);
    }
    const thousandths = Math.round(value * 1_000);
    sum.thousandths += thousandths;
    sum.records += 1;
    sum.session = session;
    addTo(sum.groups, `m:${model}`, thousandths);
    addTo(sum.groups, `r:${region}`, thousandths);
  }
  return new Map([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** As the ledger writes amounts: no zeros at the end. */
export function decimalText(thousandths: number): string {
  const text = String(thousandths).padStart(4, "0");
  return `${text.slice(0, -3)}.${text.slice(-3)}`.replace(/\.?0+$/, "");
}

function addTo(groups: Map<string, number>, name: string, thousandths: number): void {
  groups.set(name, (groups.get(name) ?? 0) + thousandths);
}
