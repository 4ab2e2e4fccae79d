// What a handler threw, as text. Anything can be thrown: errors of another realm, objects without a prototype, what has no text.

/** Its `message` where it has one. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    const { message } = (typeof thrown === "object" && thrown !== null ? thrown : {}) as { message?: unknown };
    return typeof message === "string" ? message : String(thrown);
  } catch {
    return "it threw what has no text";
  }
}

/** Its `code`, where that is a text. Never throws. */
export function codeOf(thrown: unknown): string | undefined {
  try {
    const { code } = (typeof thrown === "object" && thrown !== null ? thrown : {}) as { code?: unknown };
    return typeof code === "string" ? code : undefined;
  } catch {
    return undefined;
  }
}
