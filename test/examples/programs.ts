// The examples as commands: Go's are built and Python's environment is made in a folder of their own, TypeScript's come with the
// build of the package. Needs go, python3 with venv, and the registries that both are configured for.

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

import { CLI } from "../support/processes.ts";
import type { Command, Processes } from "./processes.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

export const podbus: Command = [process.execPath, CLI];
/** The programs of the queue, which are in TypeScript only. */
export const queueProgram = (name: "queue-worker" | "queue-produce"): Command => [
  process.execPath,
  join(root, `dist/examples/typescript/${name}.js`),
];
export const shellTour: Command = ["sh", join(root, "examples/shell/tour.sh")];

export const LANGUAGES = ["Go", "Python", "TypeScript"] as const;
export type Language = (typeof LANGUAGES)[number];

/** The names of the programs that each language has, but for bus-secret, which is in Python only. */
type Program = "listen" | "call" | "bus-respond" | "bus-call" | "bus-publish" | "bus-secret" | "bus-subscribe";

export interface Programs {
  /** The command of a program in a language. */
  of(language: Language, program: Program): Command;
  readonly list: Readonly<Record<"Go" | "Python", Command>>;
}

/** Every pair of two languages, the first the one that answers. */
export const PAIRS: readonly (readonly [answers: Language, calls: Language])[] = LANGUAGES.flatMap((answers) =>
  LANGUAGES.map((calls) => [answers, calls] as const),
);

/** Makes all programs ready to run, with what they need inside `folder`. */
export async function preparePrograms(processes: Processes, folder: string): Promise<Programs> {
  const go = join(folder, "go");
  const venv = join(folder, "venv");
  const python = join(venv, "bin/python");
  const sources = join(root, "examples/python");
  mkdirSync(go);
  await Promise.all([
    processes.succeed(["go", "build", "-o", `${go}/`, "./..."], { cwd: join(root, "examples/go") }),
    processes
      .succeed(["python3", "-m", "venv", venv])
      .then(() => processes.succeed([python, "-m", "pip", "install", "-r", join(sources, "requirements.txt")])),
  ]);
  return {
    of(language, program) {
      if (language === "Go") return [join(go, program)];
      if (language === "Python") return [python, join(sources, `${program.replace("-", "_")}.py`)];
      return [process.execPath, join(root, `dist/examples/typescript/${program}.js`)];
    },
    list: { Go: [join(go, "list")], Python: [python, join(sources, "list_sockets.py")] },
  };
}
