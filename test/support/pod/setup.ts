// Before the first test of the project "pod": podman in a folder of its own, and the image. After the last: nothing is left of them.

import type { TestProject } from "vitest/node";

import { buildImage, makeBases } from "./images.ts";
import { Podman, type PodmanPlace } from "./podman.ts";

declare module "vitest" {
  export interface ProvidedContext {
    podman: PodmanPlace;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const podman = await Podman.create();
  try {
    await makeBases(podman);
    await buildImage(podman);
  } catch (error) {
    await podman.remove();
    throw error;
  }
  project.provide("podman", podman.place);
  return () => podman.remove();
}
