// What a command takes from its environment, before it looks.

/** An empty variable is one that is not set, for the client, too: that is how many tools unset them. */
export function dropEmptyVariables(): void {
  for (const [name, value] of Object.entries(process.env)) {
    if (value === "" && name.startsWith("PODBUS_")) delete process.env[name];
  }
}
