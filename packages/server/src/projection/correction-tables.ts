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
        this.#writer.add(output);
        return;
      case "correction-superseded":
        this.#writer.supersede(output);
        return;
      case "correction-changed":
        this.#writer.change(output);
        return;
      case "correction-expired":
        this.#writer.remove(output);
        return;
      case "correction-action":
        this.worked.putAction(output);
        return;
      default:
        unreachable(output);
    }
  }

  finishGroup(): void {
    this.#writer.finishGroup();
  }

  forget(): void {
    this.#writer.forget();
  }
}
