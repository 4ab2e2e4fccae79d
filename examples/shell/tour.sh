#!/bin/sh
# The bus from the shell: publish, subscribe, request, respond. Needs a broker (podbus serve) and a built checkout.
set -eu
podbus="$(dirname "$0")/../../dist/cli/main.js" # where podbus is installed, this is just: podbus
node "$podbus" sub 'orders.>' --count 3 & subscriber=$!
node "$podbus" respond text.upper --exec tr a-z A-Z & responder=$!
trap 'kill "$responder" "$subscriber" 2>/dev/null || true' EXIT
node "$podbus" wait orders.eu.created
node "$podbus" wait text.upper
node "$podbus" pub orders.eu.created '{"id":1}'
printf 'tea\nmilk\n' | node "$podbus" pub orders.eu.items --lines
wait "$subscriber"
node "$podbus" request text.upper 'hello from the shell'
