// Prints what is published, `bus-subscribe.js [PATTERN]`.
import { connect } from "podbus";

const [pattern = "orders.>"] = process.argv.slice(2);
const bus = await connect({ name: "typescript-subscribe" });
const messages = bus.subscribe(pattern);
await messages.ready;
console.log(`subscribed to ${pattern} on ${bus.address}`);
for await (const { topic, data } of messages) console.log(topic, JSON.stringify(data));
