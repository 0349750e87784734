#!/bin/sh
# The block of README.md as a script: token, meter type, meter, usage, read. Needs curl, sed, and a
# running server, whose first start prints what is to be set:
#   CLIENT_ID=… CLIENT_SECRET=… METER_KEY=… [BASE=…] sh examples/curl.sh
set -eu

BASE=${BASE:-http://localhost:8080}
: "${CLIENT_ID:?set it to the client id that the first start printed}"
: "${CLIENT_SECRET:?set it to the client secret that the first start printed}"
: "${METER_KEY:?set it to the meter key that the first start printed}"

TOKEN=$(curl -sS "$BASE/oauth/token" -d grant_type=client_credentials \
  -d audience="$BASE" -d client_id="$CLIENT_ID" -d client_secret="$CLIENT_SECRET" |
  sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
post() { curl -sS "$BASE$1" -H "Authorization: Bearer $TOKEN" \
  -H 'Content-Type: application/json' -d "$2"; }
get_id() { sed -n 's/.*"\(existing\)*[iI]d":"\([^"]*\)".*/\2/p'; }
TYPE=$(post /meter-types '{"name":"API calls","unit":"calls","timezone":"Etc/UTC",
  "aggregation":{"type":"sum"},
  "resetSchedule":{"minute":"0","hour":"0","day":"1","month":"*","weekday":"*"}}' | get_id)
METER=$(post /meters '{"userId":"alice@example.com",
  "meterTypeId":"'"$TYPE"'","meterKey":"'"$METER_KEY"'"}' | get_id)
post "/meter-processors/$METER_KEY/usage-records" \
  '{"userId":"alice@example.com","value":3}'; echo
curl -sS "$BASE/meters/$METER" -H "Authorization: Bearer $TOKEN"; echo
