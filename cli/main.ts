#!/usr/bin/env node
// The command `podbus`. All of it is in dispatch.ts; this file runs it and ends the process with its exit code.

import { dispatch } from "./dispatch.ts";

void dispatch(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
