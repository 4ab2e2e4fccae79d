// A frame in words, for the trace.

import { mapOf, OP_NAMES, type Read } from "../wire.ts";

export function show({ op, elements, uid }: Read): string {
  const rest = elements.slice(1).map((it) => {
    if (typeof it !== "object" || it === null)
      return typeof it === "string" && it.length > 40 ? `${it.slice(0, 20)}…` : String(it);
    if (Buffer.isBuffer(it)) return `bin ${it.length}`;
    const map = mapOf(it);
    return map === undefined ? `ext ${it.type}` : JSON.stringify(map);
  });
  return `${OP_NAMES[op] ?? op} ${rest.join(" ")}${uid < 0 ? "" : ` #${uid}`}`;
}
