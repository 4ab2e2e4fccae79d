// Calls math.add on the bus, `bus-call.js [A B]`.
import { connect, type PodbusError } from "podbus";

const [a = 2, b = 3] = process.argv.slice(2).map(Number);
const bus = await connect({ name: "typescript-call" });
try {
  const sum = await bus.request("math.add", { a, b }, { timeoutMs: 5_000 });
  console.log(`${a} + ${b} = ${sum}`);
} catch (error) {
  const { code, message } = error as PodbusError;
  console.error(`${code}: ${message}`);
  process.exitCode = 1;
} finally {
  await bus.close();
}
