// The headers that a dead letter has beside those that it had: which queue, which topic, why, after how many attempts. They are put
// behind the others, and taken out again, by the bytes of the map: the application's own stay as they were, whatever they are.

import { eachEntry } from "../../shared/codec/map.ts";
import { readInt, readStr } from "../../shared/codec/read.ts";
import type { Frame } from "../../shared/codec/scan.ts";
import type { FrameWriter } from "../../shared/codec/write.ts";
import { EXT_VALUE } from "../../shared/protocol.ts";
import type { DeathReason } from "./queue-fate.ts";
import { HEADERS_AT } from "./queue-headers.ts";

export interface DeadHeaders {
  readonly deadQueue: string;
  readonly deadTopic: string;
  readonly deadReason: DeathReason;
  readonly deadAttempts: number;
}

type DeadName = keyof DeadHeaders;
const NAMES: ReadonlySet<string> = new Set<DeadName>(["deadQueue", "deadTopic", "deadReason", "deadAttempts"]);

/** The headers of a message: those of its death, and where the others stand. */
interface Split {
  readonly dead: { readonly [Name in DeadName]?: string | number };
  /** Begin and end of each entry that is the application's, one after the other. */
  readonly others: readonly number[];
}

/** Undefined where there are none, or none that can be read. */
export function splitHeaders(buf: Buffer, frame: Frame): Split | undefined {
  if (frame.count <= HEADERS_AT) return undefined;
  const dead: { [Name in DeadName]?: string | number } = {};
  const others: number[] = [];
  const isMap = eachEntry(buf, frame.at[HEADERS_AT]!, frame.at[HEADERS_AT + 1]!, (keyAt, valueAt, end) => {
    const name = readStr(buf, keyAt, valueAt);
    if (name === undefined || !NAMES.has(name)) others.push(keyAt, end);
    else dead[name as DeadName] = readStr(buf, valueAt, end) ?? readInt(buf, valueAt);
  });
  return isMap ? { dead, others } : undefined;
}

/** Writes the headers element: the entries `others` of `buf` as they are, and `dead` behind them. */
export function writeHeaders(writer: FrameWriter, buf: Buffer, others: readonly number[], dead?: DeadHeaders): void {
  const start = writer.beginExt();
  writer.map(others.length / 2 + (dead === undefined ? 0 : NAMES.size));
  for (let i = 0; i < others.length; i += 2) writer.raw(buf.subarray(others[i]!, others[i + 1]!));
  if (dead !== undefined) {
    writer.str("deadQueue").str(dead.deadQueue).str("deadTopic").str(dead.deadTopic);
    writer.str("deadReason").str(dead.deadReason).str("deadAttempts").int(dead.deadAttempts);
  }
  writer.endExt(start, EXT_VALUE);
}
