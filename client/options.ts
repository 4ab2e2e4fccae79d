// What `connect()` can be told, by option or by environment, and what counts where it is not.

import { type Address, parseAddress } from "../shared/address.ts";
import { PodbusError } from "../shared/errors.ts";
import { checkOptionNames } from "../shared/option-names.ts";
import { DEFAULT_ADDRESS, MAX_HELLO_BYTES, MAX_NAME_BYTES } from "../shared/protocol.ts";
import { MIN_SECRET_BYTES } from "../shared/proof.ts";
import { checkTimeout } from "./request.ts";

/** Each option is an environment variable as well, which counts where the option is left out. */
export interface ConnectOptions {
  /**
   * Where the broker listens: `@NAME` for an abstract socket, a path that begins with `/` or `.` for a file-system one.
   * `PODBUS_ADDRESS`. @default "@podbus"
   */
  address?: string | undefined;
  /** What the broker calls this client in its lists: 1 to 64 bytes, without control characters. `PODBUS_NAME`. @default none */
  name?: string | undefined;
  /**
   * The secret that this client proves to have, and that the broker must prove as well: a file, or a folder of them, of which the one
   * called as this client's `name`, or else `common`, counts. Read anew for each connection. `PODBUS_SECRET_FILE`. @default none
   */
  secretFile?: string | undefined;
  /** The secret itself, of 16 bytes or more, in place of a file. Text is its UTF-8. @default none */
  secret?: string | Uint8Array | undefined;
  /** The user id that the broker must run as, by the kernel's word. `PODBUS_BROKER_UID`. @default any */
  brokerUid?: number | undefined;
  /**
   * How long `connect()` keeps trying, in milliseconds; 0: one try. Once connected, a client reconnects for as long as it is not
   * closed. `PODBUS_CONNECT_TIMEOUT_MS`. @default 10000
   */
  connectTimeoutMs?: number | undefined;
  /** How long requests wait for a reply, in milliseconds, where they are not told; 0: no limit. `PODBUS_TIMEOUT_MS`. @default 30000 */
  timeoutMs?: number | undefined;
  /**
   * Bytes of publishes that may wait in this client, because the broker is away or does not take them, before `publish()` asks its
   * caller to wait. Twice as many are the most that is kept: beyond it `publish()` throws `limit`. At least 1.
   * `PODBUS_MAX_BUFFERED`. @default 16777216 (16 MiB)
   */
  maxBuffered?: number | undefined;
  /**
   * The largest frame that this client takes from the broker, in bytes, whatever limit the broker announces: it is what a broker that is
   * none can make it hold. At least 4096. `PODBUS_MAX_INCOMING`. @default 67108864 (64 MiB)
   */
  maxIncoming?: number | undefined;
  /** Gives up connecting. Has no effect once connected. */
  signal?: AbortSignal | undefined;
}

export interface ResolvedOptions {
  readonly address: Address;
  readonly name: string | undefined;
  readonly secretFile: string | undefined;
  readonly secret: Uint8Array | undefined;
  readonly brokerUid: number | undefined;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
  readonly maxBuffered: number;
  readonly maxIncoming: number;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_BUFFERED: number = 16 * 1024 * 1024;
const DEFAULT_MAX_INCOMING: number = 64 * 1024 * 1024;

const NAMES = {
  address: true,
  name: true,
  secretFile: true,
  secret: true,
  brokerUid: true,
  connectTimeoutMs: true,
  timeoutMs: true,
  maxBuffered: true,
  maxIncoming: true,
  signal: true,
} as const satisfies Record<keyof ConnectOptions, true>;

/** @throws PodbusError `bad_address`, `bad_option` */
export function resolveOptions(options: ConnectOptions, variables: NodeJS.ProcessEnv): ResolvedOptions {
  checkOptionNames("connect()", options, Object.keys(NAMES));
  const address = parseAddress(options.address ?? text(variables, "PODBUS_ADDRESS") ?? DEFAULT_ADDRESS);
  const name = options.name ?? text(variables, "PODBUS_NAME");
  if (name !== undefined) checkName(name);
  const connectTimeoutMs =
    options.connectTimeoutMs ?? number(variables, "PODBUS_CONNECT_TIMEOUT_MS") ?? DEFAULT_CONNECT_TIMEOUT_MS;
  checkNumber("connectTimeoutMs", connectTimeoutMs, 0);
  const timeoutMs = options.timeoutMs ?? number(variables, "PODBUS_TIMEOUT_MS") ?? DEFAULT_TIMEOUT_MS;
  checkTimeout(timeoutMs);
  const maxBuffered = options.maxBuffered ?? number(variables, "PODBUS_MAX_BUFFERED") ?? DEFAULT_MAX_BUFFERED;
  checkNumber("maxBuffered", maxBuffered, 1);
  const maxIncoming = options.maxIncoming ?? number(variables, "PODBUS_MAX_INCOMING") ?? DEFAULT_MAX_INCOMING;
  checkNumber("maxIncoming", maxIncoming, MAX_HELLO_BYTES);
  const brokerUid = options.brokerUid ?? number(variables, "PODBUS_BROKER_UID");
  if (brokerUid !== undefined) checkNumber("brokerUid", brokerUid, 0);
  const secret = options.secret === undefined ? undefined : checkSecret(options.secret);
  if (secret !== undefined && options.secretFile !== undefined) {
    throw new PodbusError("bad_option", "secret and secretFile are both given; leave one of them out");
  }
  const secretFile = secret === undefined ? (options.secretFile ?? text(variables, "PODBUS_SECRET_FILE")) : undefined;
  if (secretFile !== undefined && typeof secretFile !== "string") throw otherType("secretFile", "text", secretFile);
  return { address, name, secretFile, secret, brokerUid, connectTimeoutMs, timeoutMs, maxBuffered, maxIncoming };
}

/** The message never has it. */
function checkSecret(secret: string | Uint8Array): Uint8Array {
  if (typeof secret !== "string" && !((secret as unknown) instanceof Uint8Array))
    throw otherType("secret", "text or bytes", secret);
  const bytes = Buffer.from(secret as string);
  if (bytes.length >= MIN_SECRET_BYTES) return bytes;
  throw new PodbusError("bad_option", `secret must be ${MIN_SECRET_BYTES} bytes or more, and this has ${bytes.length}`);
}

function otherType(name: string, expected: string, value: unknown): PodbusError {
  return new PodbusError("bad_option", `${name} must be ${expected}, not ${typeof value}`);
}

/** An empty variable is one that is not set: that is how many tools unset them. */
function text(variables: NodeJS.ProcessEnv, name: string): string | undefined {
  return variables[name] === "" ? undefined : variables[name];
}

function number(variables: NodeJS.ProcessEnv, name: string): number | undefined {
  const value = text(variables, name);
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) {
    throw new PodbusError(
      "bad_option",
      `${name} must be a whole number, 0 or more, but it is ${JSON.stringify(value)}`,
    );
  }
  return Number(value);
}

function checkNumber(name: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return;
  throw new PodbusError("bad_option", `${name} must be a whole number, ${min} or more, but this is ${String(value)}`);
}

function checkName(name: string): void {
  const bytes = typeof name === "string" ? Buffer.byteLength(name) : 0;
  if (bytes >= 1 && bytes <= MAX_NAME_BYTES && !/\p{Cc}/u.test(name)) return;
  const message = `name must be 1 to ${MAX_NAME_BYTES} bytes without control characters, but this is ${JSON.stringify(name)}`;
  throw new PodbusError("bad_option", message);
}
