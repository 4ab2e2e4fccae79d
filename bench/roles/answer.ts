// Answers each request with what it holds, until it is told to end.

import { loadSide, type Requests, type SideWith } from "../sides/side.ts";
import type { Role } from "./role.ts";

export interface AnswerParams {
  readonly side: SideWith<Requests>;
  readonly address: string;
  readonly topic: string;
}

export const answer: Role<AnswerParams, void> = async ({ side, address, topic }, control) => {
  await (await loadSide(side)).answer(address, topic);
  control.ready();
  await control.told("end");
};
