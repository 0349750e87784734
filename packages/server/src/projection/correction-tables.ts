// Everything that the projection keeps of data correction, under one roof: items, their groups and the
// actions on them. Stores outputs within the projection's transaction; reads for lists and for work.
import type {
  CorrectionActionOutput,
  CorrectionChangedOutput,
  CorrectionExpiredOutput,
  CorrectionOutput,
  CorrectionSupersededOutput,
} from "../core/output.ts";
import { unreachable } from "../core/problem.ts";
import { CorrectionQuery } from "./correction-query.ts";
import { CorrectionWriter } from "./correction-writer.ts";
import { CorrectionList } from "./corrections.ts";
import type { Names } from "./names.ts";
import type { Statements } from "./statements.ts";
import { WorkedCorrections } from "./worked-corrections.ts";

type AnyCorrectionOutput =
  | CorrectionOutput
  | CorrectionSupersededOutput
  | CorrectionChangedOutput
  | CorrectionExpiredOutput
  | CorrectionActionOutput;

export class CorrectionTables {
  readonly lists: CorrectionList;
  readonly worked: WorkedCorrections;
  readonly #writer: CorrectionWriter;

  constructor(statements: Statements, names: Names) {
    const query = new CorrectionQuery(statements, names);
    this.#writer = new CorrectionWriter(statements, names);
    this.lists = new CorrectionList(statements, names, query);
    this.worked = new WorkedCorrections(statements, names, query);
  }

  /** Whoever calls has seen to it that the output was not stored before. */
  store(output: AnyCorrectionOutput): void {
    switch (output.kind) {
      case "correction":
        return this.#writer.add(output);
      case "correction-superseded":
        return this.#writer.supersede(output);
      case "correction-changed":
        return this.#writer.change(output);
      case "correction-expired":
        return this.#writer.remove(output);
      case "correction-action":
        return this.worked.putAction(output);
      default:
        return unreachable(output);
    }
  }

  finishGroup(): void {
    this.#writer.finishGroup();
  }

  forget(): void {
    this.#writer.forget();
  }
}
