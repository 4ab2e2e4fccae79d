// Shows a value that came from elsewhere inside a message: quoted, cut, and on one line whatever it holds, so that nobody can
// forge a line of a log or steer a terminal with a topic. Pure; used where something was wrong, never per message.

import { printable } from "./printable.ts";

/** UTF-16 units of a value that are shown before it is cut. */
const SHOWN = 48;

/** `text` in double quotes, escaped so that it can be told what it was, and with `…` behind where it was cut. */
export function quote(text: string): string {
  const shown = text.length > SHOWN ? text.slice(0, cutAt(text)) : text;
  const quoted = `"${printable(shown.replace(/["\\]/g, "\\$&"))}"`;
  return shown.length < text.length ? `${quoted}…` : quoted;
}

/** The same for bytes that should be UTF-8; what is not is shown as U+FFFD. */
export function quoteBytes(buf: Uint8Array, start: number, end: number): string {
  // Four bytes a character are the most there are, so a character that this cuts in two lies behind what is shown.
  const some = buf.subarray(start, Math.min(end, start + 4 * (SHOWN + 1)));
  return quote(new TextDecoder("utf-8", { ignoreBOM: true }).decode(some));
}

/** Where to cut without parting a surrogate pair. */
function cutAt(text: string): number {
  const last = text.charCodeAt(SHOWN - 1);
  return last >= 0xd800 && last < 0xdc00 ? SHOWN - 1 : SHOWN;
}
