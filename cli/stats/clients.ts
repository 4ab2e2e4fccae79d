// The clients of a broker, as `podbus stats --clients` shows them: who each is by the kernel's word, and what it proved. Pure.

import { displayLine } from "../display.ts";
import { table } from "../table.ts";
import { formatBytes, formatCount, formatDuration } from "../units.ts";

/** Of `$sys.clients`. */
export interface Client {
  readonly client: number;
  readonly name: string | null;
  readonly identity: string | null;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  readonly container: { readonly id: string; readonly runtime: string | null } | null;
  readonly connectedMs: number;
  readonly subscriptions: number;
  readonly published: number;
  readonly heldBytes: number;
}

const HEAD = [
  "CLIENT",
  "NAME",
  "IDENTITY",
  "UID",
  "GID",
  "PID",
  "CONTAINER",
  "FOR",
  "SUBSCRIPTIONS",
  "PUBLISHED",
  "HELD",
];

/** A line for each, with a heading. */
export function clientList(clients: readonly Client[]): string {
  return table([HEAD, ...clients.map((client) => row(client))]);
}

function row(client: Client): string[] {
  const { name, identity, container } = client;
  return [
    String(client.client),
    displayLine(name ?? "-", true),
    displayLine(identity ?? "-", true),
    String(client.uid),
    String(client.gid),
    client.pid === 0 ? "-" : String(client.pid), // of another pid namespace
    container === null ? "-" : displayLine(`${container.runtime ?? ""} ${container.id.slice(0, 12)}`.trim(), true),
    formatDuration(client.connectedMs),
    formatCount(client.subscriptions),
    formatCount(client.published),
    formatBytes(client.heldBytes),
  ];
}
