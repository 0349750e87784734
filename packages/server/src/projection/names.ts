// Numbers for texts that stand in very many rows: account ids, meter keys, meter types, reasons.
// A number belongs to its text for the life of the file. Looking a name up never makes one.
import { integerOf, type Statements } from "./statements.ts";

/** Names kept in memory; beyond it the cache starts anew, and the table answers. */
const cachedMax = 65_536;

export class Names {
  readonly #statements: Statements;
  readonly #numbers = new Map<string, number>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Undefined when no row has ever had this name. */
  find(name: string): number | undefined {
    const cached = this.#numbers.get(name);
    if (cached !== undefined) return cached;
    const row = this.#statements.row("SELECT no FROM names WHERE name = ?", [name]);
    return row === undefined ? undefined : this.#keep(name, integerOf(row[0]));
  }

  /** Of what a filter may leave out: undefined where it does, null when no row has had the name. */
  findGiven(name: string | undefined): number | undefined | null {
    return name === undefined ? undefined : (this.find(name) ?? null);
  }

  /** Only within a transaction that writes; `forget` when it is rolled back. */
  findOrAdd(name: string): number {
    const found = this.find(name);
    if (found !== undefined) return found;
    const sql = "INSERT INTO names (name) VALUES (?) RETURNING no";
    return this.#keep(name, this.#statements.integer(sql, [name]));
  }

  forget(): void {
    this.#numbers.clear();
  }

  #keep(name: string, no: number): number {
    if (this.#numbers.size >= cachedMax) this.#numbers.clear();
    this.#numbers.set(name, no);
    return no;
  }
}
