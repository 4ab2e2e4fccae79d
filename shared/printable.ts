// Makes text that came from elsewhere fit to be printed: one line, no control characters. What it is for, an error message or
// a terminal, it does not know. Never on the hot path.

/** What would move the cursor, break the line, reorder it, or not be seen: controls, separators, format marks, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const escape = (char: string): string => {
  const code = char.codePointAt(0)!;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
};

/** `text` on one line: each unprintable character as `\xNN` or `\u{N}`, and what is longer than `maxChars` cut, with `…`. */
export function printable(text: string, maxChars: number = Infinity): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return cut.replace(UNPRINTABLE, escape);
}
