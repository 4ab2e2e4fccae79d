#!/bin/sh
# The bus from the shell: publish, subscribe, request, respond. Needs a broker (podbus serve) and a built checkout.
set -eu
podbus="$(dirname "$0")/../../dist/cli/main.js" # where podbus is installed, this is just: podbus
"$podbus" sub 'orders.>' --count 3 & subscriber=$!
"$podbus" respond text.upper --exec tr a-z A-Z & responder=$!
trap 'kill "$responder" "$subscriber" 2>/dev/null || true' EXIT
"$podbus" wait orders.eu.created
"$podbus" wait text.upper
"$podbus" pub orders.eu.created '{"id":1}'
printf 'tea\nmilk\n' | "$podbus" pub orders.eu.items --lines
wait "$subscriber"
"$podbus" request text.upper 'hello from the shell'
