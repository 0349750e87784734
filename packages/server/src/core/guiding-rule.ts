// Guiding rules prepared for judging: conditions, the category to match, group-bys and carried
// fields (GR2 to GR5).

import { canonicalNumber, parseDecimal } from "./decimal.ts";
import type { Condition, GuidingRule } from "./definitions.ts";
import { groupByIdentity } from "./group-keys.ts";
import type { GroupBy } from "./groups.ts";
import { ExactNumber, type JsonValue } from "./json-value.ts";
import { unreachable } from "./problem.ts";
import {
  type FieldPath,
  fieldPath,
  fieldValue,
  scalarText,
  type VisibleFields,
} from "./record-fields.ts";

interface CompiledCondition {
  readonly path: FieldPath;
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
  readonly carries: readonly { readonly path: FieldPath; readonly first: boolean }[];
}

export function compileRules(rules: readonly GuidingRule[]): readonly CompiledRule[] {
  return rules.map((rule, index) => ({
    index,
    customName: rule.customName,
    matchCategory: rule.matchCategory,
    alwaysHolds: rule.ignoreCondition,
    relation: rule.conditionRelation,
    conditions: rule.conditions.map(compileCondition),
    groupBys: compileGroupBys(rule.groupBy),
    carries: rule.otherOperations.map(({ field, operation }) => ({
      path: fieldPath(field),
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
function compileGroupBys(entries: GuidingRule["groupBy"]): readonly GroupBy[] {
  const groupBys = new Map<string, GroupBy>();
  for (const { fields } of entries) {
    const identity = groupByIdentity(fields);
    groupBys.set(identity, { fields, paths: fields.map(fieldPath), identity });
  }
  return [...groupBys.values()];
}

function compileCondition(condition: Condition): CompiledCondition {
  return {
    path: fieldPath(condition.field),
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
  const value = fieldValue(record, condition.path);
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
