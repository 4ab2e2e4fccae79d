// Topics and patterns, as protocol.md says, in the plainest way that makes nothing for the collector: these are asked at every event.

const DOT = 0x2e;

export function matches(pattern: string, topic: string): boolean {
  if (topic.startsWith("$") && (pattern.startsWith("*") || pattern.startsWith(">"))) return false;
  for (let from = 0, at = 0; ;) {
    // A token of each; none is left of the topic where `at` is behind its end.
    const end = endOfToken(pattern, from);
    const topicEnd = endOfToken(topic, at);
    const isOneLong = end - from === 1;
    if (isOneLong && pattern[from] === ">") return at <= topic.length;
    if (at > topic.length) return false;
    const isAny = isOneLong && pattern[from] === "*";
    if (!isAny && !isSameToken(pattern, from, end, topic, at, topicEnd)) return false;
    if (end === pattern.length) return topicEnd === topic.length;
    from = end + 1;
    at = topicEnd + 1;
  }
}

function endOfToken(text: string, from: number): number {
  let end = from;
  while (end < text.length && text.charCodeAt(end) !== DOT) end++;
  return end;
}

function isSameToken(a: string, from: number, end: number, b: string, at: number, bEnd: number): boolean {
  if (end - from !== bEnd - at) return false;
  for (let i = 0; from + i < end; i++) if (a.charCodeAt(from + i) !== b.charCodeAt(at + i)) return false;
  return true;
}

export function isTopic(topic: string): boolean {
  // No text has fewer bytes than characters.
  if (topic.length < 1 || topic.length > 255) return false;
  let isAscii = true;
  for (let i = 0, before = DOT; i < topic.length; i++) {
    const char = topic.charCodeAt(i);
    // Control characters and blanks; "*" and ">"; and a token that is empty.
    if (char <= 0x20 || char === 0x7f || char === 0x2a || char === 0x3e) return false;
    if (char === DOT && (before === DOT || i === topic.length - 1)) return false;
    if (char > 0x7f) isAscii = false;
    before = char;
  }
  return isAscii || Buffer.byteLength(topic) <= 255;
}

export function isPattern(pattern: string): boolean {
  const tokens = pattern.split(".");
  return (
    tokens.every((token, i) => token === "*" || (token === ">" && i === tokens.length - 1) || isTopic(token)) &&
    Buffer.byteLength(pattern) <= 255
  );
}
