// Judges answers by the OpenAPI document: declared status, content type, headers, body. The test
// client runs it on every answer, so that the document cannot drift from what is sent.
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";

export interface SentResponse {
  readonly method: string;
  /** Request target; query and prefix are cut off. */
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface ResponseValidator {
  /** Throws with all deviations of the response in its message. */
  assertResponseMatches(response: SentResponse): void;
}

interface Documented {
  readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>;
  readonly content?: Readonly<Record<string, unknown>>;
}

interface Operation {
  readonly security: readonly unknown[];
  readonly responses: Readonly<Record<string, Documented>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const prefixes = ["/usage-metering/v1", "/authentication/v1", ""] as const;

/** By text of the document: compiling one takes longer than most tests. */
const made = new Map<string, ResponseValidator>();

export function createResponseValidator(openApiText: string): ResponseValidator {
  const validator = made.get(openApiText) ?? validatorOf(openApiText);
  made.set(openApiText, validator);
  return validator;
}

function validatorOf(openApiText: string): ResponseValidator {
  const document: OpenApi = JSON.parse(openApiText);
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema(document, "document", true, false);
  const compiled = new Map<string, ValidateFunction>();
  const validatorAt = (pointer: string): ValidateFunction => {
    const present = compiled.get(pointer) ?? ajv.compile({ $ref: `document#${pointer}` });
    compiled.set(pointer, present);
    return present;
  };
  return {
    assertResponseMatches: (response) => {
      const faults = faultsOf(response, document, validatorAt);
      if (faults.length === 0) return;
      const what = `${response.method} ${response.path} -> ${response.status}`;
      throw new Error(`${what}: ${faults.join("; ")}\n${response.text.slice(0, 2_000)}`);
    },
  };
}

type ValidatorAt = (pointer: string) => ValidateFunction;

function faultsOf(response: SentResponse, document: OpenApi, at: ValidatorAt): readonly string[] {
  const faults = ["x-request-id", "x-content-type-options", "cache-control"].flatMap((name) =>
    response.headers[name] === undefined ? [`lacks the header ${name}`] : [],
  );
  const method = response.method.toLowerCase();
  const template = templateOf(document, response.path);
  const operation = document.paths[template ?? ""]?.[method === "head" ? "get" : method];
  if (template === undefined || operation === undefined) {
    return [...faults, ...undocumentedFaults(response, { template, at })];
  }
  const documented = operation.responses[response.status];
  if (documented === undefined) return [...faults, "this status is not documented"];
  const pointer = `/paths/${escaped(template)}/${method === "head" ? "get" : method}/responses/${response.status}`;
  return [
    ...faults,
    ...headerFaults(response, documented),
    ...(method === "head" ? [] : bodyFaults(response, { documented, pointer, at })),
  ];
}

/** Outside all operations only 400, 404 and 405 with a problem (or an OAuth error) may be sent. */
function undocumentedFaults(
  response: SentResponse,
  { template, at }: { template: string | undefined; at: ValidatorAt },
): readonly string[] {
  if (![400, 404, 405].includes(response.status)) return ["is no operation, and no refusal"];
  if (response.method === "HEAD") return [];
  const name = template === "/oauth/token" ? "OAuthError" : "Problem";
  return schemaFaults(response, at(`/components/schemas/${name}`));
}

function headerFaults(response: SentResponse, documented: Documented): readonly string[] {
  return Object.entries(documented.headers ?? {})
    .filter(([name, { required }]) => required === true && response.headers[name] === undefined)
    .map(([name]) => `lacks the documented header ${name}`);
}

interface BodyPlace {
  readonly documented: Documented;
  readonly pointer: string;
  readonly at: ValidatorAt;
}

function bodyFaults(
  response: SentResponse,
  { documented, pointer, at }: BodyPlace,
): readonly string[] {
  const content = documented.content ?? {};
  if (Object.keys(content).length === 0) return response.text === "" ? [] : ["has a body"];
  const type = String(response.headers["content-type"]).split(";")[0] ?? "";
  if (!Object.hasOwn(content, type)) return [`the content type ${type} is not documented`];
  if (!/[/+]json$/.test(type)) return [];
  return schemaFaults(response, at(`${pointer}/content/${escaped(type)}/schema`));
}

function schemaFaults(response: SentResponse, validate: ValidateFunction): readonly string[] {
  if (validate(JSON.parse(response.text))) return [];
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

/** The documented path that fits; one without parameters goes first. */
function templateOf(document: OpenApi, target: string): string | undefined {
  const sent = target.split("?")[0] ?? "";
  const prefix = prefixes.find((candidate) => sent.startsWith(`${candidate}/`)) ?? "";
  const segments = sent.slice(prefix.length).split("/");
  const fitting = Object.keys(document.paths).filter((template) => {
    const parts = template.split("/");
    return (
      isUnder(document, { prefix, template }) &&
      parts.length === segments.length &&
      parts.every((part, index) =>
        part.startsWith("{") ? segments[index] !== "" : part === segments[index],
      )
    );
  });
  return fitting.find((template) => !template.includes("{")) ?? fitting[0];
}

/** What needs a token has the one prefix, the token endpoint the other, all have none. */
function isUnder(document: OpenApi, place: { prefix: string; template: string }): boolean {
  if (place.prefix === "") return true;
  if (place.prefix === "/authentication/v1") return place.template === "/oauth/token";
  const operations = Object.values(document.paths[place.template] ?? {});
  return operations.some(({ security }) => security.length > 0);
}

function escaped(segment: string): string {
  return encodeURIComponent(segment.replaceAll("~", "~0").replaceAll("/", "~1"));
}
