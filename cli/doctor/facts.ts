// Gathers what the checks judge. Whatever can't be read is told as that, and stops nothing.

import { accessSync, closeSync, constants, existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { connect, PodbusError } from "../../client/index.ts";
import type { Address } from "../../shared/address.ts";
import { attempt, readText } from "../../shared/os/attempt.ts";
import { connectFd } from "../../shared/os/connect.ts";
import { type Credentials, peerCredentials } from "../../shared/os/credentials.ts";
import { listen } from "../../shared/os/listen.ts";
import { containerMemoryLimit } from "../../shared/os/memory-limit.ts";
import { type Mount, mountOf } from "../../shared/os/mounts.ts";
import { openFilesLimit } from "../../shared/os/open-files.ts";
import { readSecrets } from "../../shared/os/secret-files.ts";
import { listSockets, type SocketInfo } from "../../shared/os/sockets.ts";
import { probe } from "../ls/probe.ts";
import type { CredentialFacts } from "./credentials.ts";
import type { LimitFacts } from "./limits.ts";
import type { NameFacts } from "./name.ts";
import type { Place } from "./places.ts";
import type { SecretFacts } from "./secret.ts";

/** A broker that answers at all does so at once. */
const CONNECT_MS = 1000;

/** As a client has them. */
export interface ClientOptions {
  readonly name?: string | undefined;
  readonly secretFile?: string | undefined;
}

const ownUid = (): number => process.geteuid?.() ?? 0;

/** Asks who listens there; nothing is sent but what a client says first. */
export async function nameFacts(address: Address, client: ClientOptions): Promise<NameFacts> {
  const common = { address, sockets: socketsHere(), uid: ownUid() };
  const listener = address.kind === "autobind" ? undefined : listenerAt(address);
  if (listener === undefined) return { ...common, listener, greeting: undefined, client: undefined };
  const greeting = await probe(address.text);
  return { ...common, listener, greeting, client: await tryClient(address.text, client) };
}

function socketsHere(): readonly SocketInfo[] | string {
  try {
    return listSockets({ all: true });
  } catch (error) {
    return (error as Error).message;
  }
}

function listenerAt(address: Address): Credentials | undefined {
  try {
    const fd = connectFd(address);
    if (fd === undefined) return undefined;
    try {
      return peerCredentials(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // nobody accepts there
  }
}

async function tryClient(address: string, options: ClientOptions): Promise<NameFacts["client"]> {
  try {
    const bus = await connect({ name: "podbus doctor", ...options, address, connectTimeoutMs: CONNECT_MS });
    await bus.close();
    return { connected: true };
  } catch (error) {
    return { code: error instanceof PodbusError ? error.code : "disconnected", message: (error as Error).message };
  }
}

/** Has this process connect to itself, and asks the kernel who that is. */
export async function credentialFacts(): Promise<CredentialFacts> {
  const own = { uid: ownUid(), gid: process.getegid?.() ?? 0, pid: process.pid };
  try {
    const listening = await listen({ kind: "autobind", text: "@" });
    try {
      const seen = listenerAt({ kind: "abstract", name: listening.address.slice(1), text: listening.address });
      return { own, seen };
    } finally {
      await listening.close();
    }
  } catch (error) {
    return { own, seen: (error as Error).message };
  }
}

/** What begins with a dot is no secret: the kubelet keeps the versions of a volume there. */
const secretNames = (folder: string): string[] => readdirSync(folder).filter((name) => !name.startsWith("."));

/** Of a file, or of a folder of them. */
export function secretFacts(path: string): SecretFacts {
  let found: number | string;
  try {
    found = readSecrets(path).length;
  } catch (error) {
    found = (error as Error).message;
  }
  const files = attempt(() => secretNames(path).map((name) => join(path, name))) ?? [path];
  const modes = files.map((file) => attempt(() => statSync(file).mode)).filter((mode) => mode !== undefined);
  return { path, found, isOpen: modes.length === 0 ? undefined : modes.some((mode) => (mode & 0o004) !== 0) };
}

export function limitFacts(given: Pick<LimitFacts, "maxConnections" | "memoryLimit">): LimitFacts {
  const cgroups = readText("/proc/self/cgroup");
  const memory = /^\d+:([^:]*,)?memory(,[^:]*)?:/m.test(cgroups);
  const somaxconn = Number(readText("/proc/sys/net/core/somaxconn").trim() || Number.NaN);
  return {
    ...given,
    openFiles: openFilesLimit(),
    containerMemory: containerMemoryLimit(),
    cgroup: memory ? 1 : /^0::/m.test(cgroups) ? 2 : undefined,
    somaxconn: Number.isNaN(somaxconn) ? undefined : somaxconn,
  };
}

/** A directory, and whether files can be made there; or the nearest one above it, where it is not there yet. */
export function placeOf(path: string, mounts: readonly Mount[]): Place {
  const absolute = resolve(path);
  let at = absolute;
  while (!existsSync(at) && at !== "/") at = dirname(at);
  const isDirectory = attempt(() => statSync(at).isDirectory()) ?? false;
  const { bavail, bsize } = attempt(() => statfsSync(at)) ?? {};
  return {
    path: absolute,
    kind: !isDirectory ? "other" : at === absolute ? "directory" : "missing",
    writable: attempt(() => accessSync(at, constants.W_OK | constants.X_OK) ?? true) ?? false,
    mount: mountOf(at, mounts),
    freeBytes: bavail === undefined || bsize === undefined ? undefined : bavail * bsize,
  };
}
