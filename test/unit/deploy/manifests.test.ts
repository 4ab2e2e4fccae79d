import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { type Container, documentsOf, type Manifest, podSpecOf } from "../../support/pod/manifest.ts";
import { problemsOf } from "../../support/pod/schema.ts";

const DEPLOY = join(import.meta.dirname, "../../../deploy");

const read = (name: string): Manifest[] => documentsOf(readFileSync(join(DEPLOY, name), "utf8"));

const WORKLOADS = ["deployment/deployment.yaml", "job/job.yaml"];

describe("the API's schema", () => {
  test("takes every manifest", () => {
    const manifests = [...WORKLOADS, "kubernetes/namespace.yaml"].flatMap(read);
    expect(problemsOf(manifests)).toEqual([]);
  });

  test("is really asked: a wrong type, a missing and an unknown field are found", () => {
    const [deployment] = read(WORKLOADS[0]!);
    const wrong = structuredClone(deployment!) as unknown as { spec: { template: { spec: { containers: object[] } } } };
    wrong.spec.template.spec.containers = [{ name: 3 }, { name: "a", image: "a", readinesProbe: {} }];
    const problems = problemsOf([wrong as unknown as Manifest]).join("\n");
    expect(problems).toContain("/spec/template/spec/containers/0/name must be string");
    expect(problems).toContain("readinesProbe");
  });
});

describe.each(WORKLOADS)("%s", (name) => {
  const spec = podSpecOf(read(name));
  const [broker] = spec.initContainers!;
  const all: Container[] = [...spec.initContainers!, ...spec.containers];

  test("has the broker as a native sidecar, whose first startup probe waits for it", () => {
    expect(broker).toMatchObject({ name: "broker", restartPolicy: "Always" });
    const { command } = broker!.startupProbe!.exec;
    expect(command).toEqual(["podbus", "ping", "--quiet", "--connect-timeout", "10s"]);
    expect(broker!.startupProbe).toMatchObject({ timeoutSeconds: 15 });
    expect(broker!.livenessProbe!.exec.command.slice(0, 2)).toEqual(["podbus", "ping"]);
  });

  test("fits Pod Security restricted, and OpenShift's restricted SCC, which chooses the user", () => {
    expect(spec.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    for (const { securityContext } of all) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    }
  });

  test("asks for what each container needs, and lets memory have an end", () => {
    for (const { resources } of all) {
      expect(resources).toEqual({
        requests: { cpu: expect.stringMatching(/^\d+m$/), memory: expect.stringMatching(/^\d+Mi$/) },
        limits: { memory: expect.stringMatching(/^\d+Mi$/) },
      });
    }
  });

  test("has the time to end that its containers may take", () => {
    const seconds = (args: readonly string[], option: string): number =>
      Number(/^(\d+)s$/.exec(args[args.indexOf(option) + 1] ?? "")?.[1] ?? Number.NaN);
    const stops = spec.containers.map(({ lifecycle }) => lifecycle?.preStop?.exec.command ?? ["--for", "0s"]);
    const longest = Math.max(...stops.map((command) => seconds(command, "--for")));
    const grace = seconds(broker!.args!, "--grace-ms");
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(longest + grace);
  });
});

test("every kustomization of deploy/ names what is there", () => {
  for (const folder of readdirSync(DEPLOY)) {
    const { resources = [], components = [] } = parse(
      readFileSync(join(DEPLOY, folder, "kustomization.yaml"), "utf8"),
    ) as { resources?: string[]; components?: string[] };
    for (const name of [...resources, ...components]) {
      const path = join(DEPLOY, folder, name);
      expect(() => readFileSync(name.endsWith(".yaml") ? path : join(path, "kustomization.yaml"))).not.toThrow();
    }
  }
});
