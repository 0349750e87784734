// Counts kept beside the rows, so that totals need no walk over a million of them. Changes are
// gathered while a group is stored and written once for each key at its end, in its transaction.
import { assert } from "../core/problem.ts";
import type { Statements } from "./statements.ts";

/** Which counts a tally keeps; `table` and `columns` are constants of the schema. */
export interface TallyShape {
  readonly table: string;
  readonly columns: readonly string[];
}

type KeyPart = string | number;

export class Tally {
  readonly #statements: Statements;
  readonly #update: string;
  readonly #insert: string;
  readonly #remove: string;
  readonly #changes = new Map<string, { readonly key: readonly KeyPart[]; n: number }>();

  constructor(statements: Statements, shape: TallyShape) {
    const { table, columns } = shape;
    const key = columns.map((column) => `${column} = ?`).join(" AND ");
    this.#statements = statements;
    this.#update = `UPDATE ${table} SET n = n + ? WHERE ${key}`;
    this.#insert = `INSERT INTO ${table} (n, ${columns.join(", ")})
      VALUES (?, ${columns.map(() => "?").join(", ")})`;
    this.#remove = `DELETE FROM ${table} WHERE ${key} AND n = 0`;
  }

  add(n: number, key: readonly KeyPart[]): void {
    const text = key.join("/");
    const change = this.#changes.get(text);
    if (change === undefined) this.#changes.set(text, { key, n });
    else change.n += n;
  }

  write(): void {
    for (const { key, n } of this.#changes.values()) {
      if (n === 0) continue;
      const { changes } = this.#statements.prepare(this.#update).run(n, ...key);
      if (n < 0) {
        assert(changes === 1, "what is taken from a count was counted before");
        this.#statements.prepare(this.#remove).run(...key);
      } else if (changes === 0) {
        this.#statements.prepare(this.#insert).run(n, ...key);
      }
    }
    this.#changes.clear();
  }

  forget(): void {
    this.#changes.clear();
  }
}
