// What a person reads on stdout when the server has started: where it listens, and on an empty
// data directory the drawn secrets and one shell block that counts something. Plain text, never
// through the log. Secrets are in it once; those that settings fix are never in it.

export interface StartFacts {
  readonly version: string;
  readonly baseUrl: string;
  readonly dataDirectory: string;
  /** Null on every start but the first. `clientSecret` is null where settings fix it. */
  readonly firstAccount: {
    readonly clientId: string;
    readonly clientSecret: string | null;
    readonly meterKey: string;
  } | null;
}

/** The whole output, with an empty line before and after. */
export function startOutput(facts: StartFacts): string {
  const title = `  Meterhouse ${facts.version} is listening on ${facts.baseUrl}`;
  const rest = facts.firstAccount === null ? laterStart(facts) : firstStart(facts);
  return ["", title, "", ...rest, "", ""].join("\n");
}

export interface BlockFacts {
  readonly baseUrl: string;
  readonly meterKey: string;
  /** Null: the block takes them from the settings' variables. */
  readonly client: { readonly id: string; readonly secret: string } | null;
}

/**
 * Commands for any POSIX shell with curl and sed, to be pasted as they are: token, meter type,
 * meter, usage, read. No comments, no `!`, no unquoted `?` or `*`: interactive bash and zsh trip
 * over them. Pasted again they find what is there (a 409 names it) and count once more.
 */
export function shellBlock({ baseUrl, meterKey, client }: BlockFacts): string {
  const id = client === null ? '"$METERHOUSE_CLIENT_ID"' : client.id;
  const secret = client === null ? '"$METERHOUSE_CLIENT_SECRET"' : client.secret;
  return [
    `BASE=${shellWord(baseUrl)}`,
    `CLIENT_ID=${id}`,
    `CLIENT_SECRET=${secret}`,
    `METER_KEY=${shellWord(meterKey)}`,
    'TOKEN=$(curl -sS "$BASE/oauth/token" -d grant_type=client_credentials \\',
    '  -d audience="$BASE" -d client_id="$CLIENT_ID" -d client_secret="$CLIENT_SECRET" |',
    `  sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p')`,
    'post() { curl -sS "$BASE$1" -H "Authorization: Bearer $TOKEN" \\',
    "  -H 'Content-Type: application/json' -d \"$2\"; }",
    `get_id() { sed -n 's/.*"\\(existing\\)*[iI]d":"\\([^"]*\\)".*/\\2/p'; }`,
    'TYPE=$(post /meter-types \'{"name":"API calls","unit":"calls","timezone":"Etc/UTC",',
    '  "aggregation":{"type":"sum"},',
    '  "resetSchedule":{"minute":"0","hour":"0","day":"1","month":"*","weekday":"*"}}\' | get_id)',
    'METER=$(post /meters \'{"userId":"alice@example.com",',
    '  "meterTypeId":"\'"$TYPE"\'","meterKey":"\'"$METER_KEY"\'"}\' | get_id)',
    'post "/meter-processors/$METER_KEY/usage-records" \\',
    '  \'{"userId":"alice@example.com","value":3}\'; echo',
    'curl -sS "$BASE/meters/$METER" -H "Authorization: Bearer $TOKEN"; echo',
  ].join("\n");
}

function firstStart(facts: StartFacts): string[] {
  const { baseUrl, firstAccount } = facts;
  if (firstAccount === null) return [];
  const { clientId, clientSecret, meterKey } = firstAccount;
  const client = clientSecret === null ? null : { id: clientId, secret: clientSecret };
  const fixed = "as set by METERHOUSE_CLIENT_";
  return [
    `  Base URL       ${baseUrl}`,
    `  Client id      ${client?.id ?? `${fixed}ID`}`,
    `  Client secret  ${client?.secret ?? `${fixed}SECRET`}`,
    `  Meter key      ${meterKey}  (meter processor "Default")`,
    "",
    client === null
      ? "  To count something, paste this into a shell that has these two variables:"
      : "  The secret is shown this once. To count something, paste this into another shell:",
    "",
    shellBlock({ baseUrl, meterKey, client }),
  ];
}

function laterStart({ baseUrl, dataDirectory }: StartFacts): string[] {
  return [
    `  API description  ${baseUrl}/openapi.json`,
    `  Metrics          ${baseUrl}/metrics`,
    `  Health           ${baseUrl}/health/ready`,
    `  Data             ${dataDirectory}`,
    "",
    "  Another account: npm run account -- create <name>",
  ];
}

/** As it is where every shell reads it so, else in single quotes. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9._~:/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
