// Answers requests on the topic math.add.
import { connect } from "podbus";

interface Numbers {
  readonly a: number;
  readonly b: number;
}

const bus = await connect({ name: "typescript-respond" });
const responder = bus.respond("math.add", ({ data }) => {
  const { a, b } = data as Numbers;
  if (typeof a !== "number" || typeof b !== "number") throw new TypeError("expected a map {a, b} of two numbers");
  console.log(`answered ${a} + ${b} = ${a + b}`);
  return a + b;
});
await responder.ready;
console.log(`answering math.add on ${bus.address}`);
