// Topics and patterns, as protocol.md says, in the plainest way.

export function matches(pattern: string, topic: string): boolean {
  if (topic.startsWith("$") && (pattern.startsWith("*") || pattern.startsWith(">"))) return false;
  const wanted = pattern.split(".");
  const tokens = topic.split(".");
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === ">") return tokens.length > i;
    if (i >= tokens.length || (wanted[i] !== "*" && wanted[i] !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}

export function isTopic(topic: string): boolean {
  const bytes = Buffer.byteLength(topic);
  if (bytes < 1 || bytes > 255) return false;
  // oxlint-disable-next-line no-control-regex -- those are what is refused
  if (/[\u0000- \u007f*>]/.test(topic)) return false;
  return topic.split(".").every((token) => token !== "");
}

export function isPattern(pattern: string): boolean {
  const tokens = pattern.split(".");
  return (
    tokens.every((token, i) => token === "*" || (token === ">" && i === tokens.length - 1) || isTopic(token)) &&
    Buffer.byteLength(pattern) <= 255
  );
}
