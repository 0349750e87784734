// Guiding rules prepared for judging: conditions, the category to match, group-bys and carried
// fields (GR2 to GR5).

import { canonicalNumber, parseDecimal } from "./decimal.ts";
import type { Condition, GuidingRule, ProcessorFields } from "./definitions.ts";
import { groupByIdentity } from "./group-keys.ts";
import type { GroupBy } from "./groups.ts";
import { ExactNumber, type JsonValue } from "./json-value.ts";
import { unreachable } from "./problem.ts";
import {
  type RuleField,
  ruleField,
  ruleValue,
  scalarText,
  type VisibleFields,
} from "./record-fields.ts";
import { ScanColumns, type ScanPlan } from "./scan-plan.ts";

interface CompiledCondition {
  readonly path: RuleField;
  readonly type: Condition["type"];
  /** The expected value: text, canonical number, or "true"/"false"; null can never be met. */
  readonly expected: string | null;
}

export interface CompiledRule {
  readonly index: number;
  readonly customName: string;
  readonly matchCategory: string;
  readonly alwaysHolds: boolean;
  readonly relation: "and" | "or";
  readonly conditions: readonly CompiledCondition[];
  readonly groupBys: readonly GroupBy[];
  readonly carries: readonly { readonly path: RuleField; readonly first: boolean }[];
}

/** What judging the records of one processor needs. */
export interface Judging {
  readonly rules: readonly CompiledRule[];
  readonly plan: ScanPlan;
}

export function prepareJudging({ guidingRules, deduplication }: ProcessorFields): Judging {
  const columns = new ScanColumns();
  const rules = compileRules(guidingRules, columns);
  return { rules, plan: columns.plan(deduplication.field) };
}

function compileRules(
  rules: readonly GuidingRule[],
  columns: ScanColumns,
): readonly CompiledRule[] {
  return rules.map((rule, index) => ({
    index,
    customName: rule.customName,
    matchCategory: rule.matchCategory,
    alwaysHolds: rule.ignoreCondition,
    relation: rule.conditionRelation,
    conditions: rule.conditions.map((condition) => compileCondition(condition, columns)),
    groupBys: compileGroupBys(rule.groupBy, columns),
    carries: rule.otherOperations.map(({ field, operation }) => ({
      path: ruleField(field, columns),
      first: operation === "carry-first",
    })),
  }));
}

/** Whether the rule's condition is met by the record. */
export function holds(rule: CompiledRule, record: VisibleFields): boolean {
  if (rule.alwaysHolds) return true;
  if (rule.relation === "and") {
    return rule.conditions.every((condition) => isMet(condition, record));
  }
  return rule.conditions.some((condition) => isMet(condition, record));
}

/** Entries with equal fields are one breakdown: counted twice, its groups would not add up (AG10). */
function compileGroupBys(
  entries: GuidingRule["groupBy"],
  columns: ScanColumns,
): readonly GroupBy[] {
  const groupBys = new Map<string, GroupBy>();
  for (const { fields } of entries) {
    const identity = groupByIdentity(fields);
    const paths = fields.map((field) => ruleField(field, columns));
    groupBys.set(identity, { fields, paths, identity });
  }
  return [...groupBys.values()];
}

function compileCondition(condition: Condition, columns: ScanColumns): CompiledCondition {
  return {
    path: ruleField(condition.field, columns),
    type: condition.type,
    expected: expectedText(condition),
  };
}

function expectedText({ type, value }: Condition): string | null {
  switch (type) {
    case "string":
      return value;
    case "number":
      return numericText(value);
    case "boolean":
      return value === "true" || value === "false" ? value : null;
    default:
      return unreachable(type);
  }
}

function isMet(condition: CompiledCondition, record: VisibleFields): boolean {
  const { expected } = condition;
  if (expected === null) return false;
  const value = ruleValue(record, condition.path);
  switch (condition.type) {
    case "string":
      return scalarText(value) === expected;
    case "number":
      return numericText(value) === expected;
    case "boolean":
      return (
        (typeof value === "boolean" || typeof value === "string") && String(value) === expected
      );
    default:
      return unreachable(condition.type);
  }
}

/** Canonical text of a number, or of a string that is one; null for anything else. */
function numericText(value: JsonValue | undefined): string | null {
  if (typeof value === "number" || value instanceof ExactNumber) return canonicalNumber(value);
  if (typeof value !== "string") return null;
  const parsed = parseDecimal(value);
  if (!parsed.ok && parsed.error === "not-a-number") return null;
  return canonicalNumber(new ExactNumber(value));
}
