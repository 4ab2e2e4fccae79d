// Publishes an order, `bus-publish.js [TOPIC ID]`.
import { connect } from "podbus";

const [topic = "orders.eu.created", id = "1"] = process.argv.slice(2);
const bus = await connect({ name: "typescript-publish" });
const receivers = await bus.publish(topic, { id: Number(id), items: ["tea", "milk"] }, { confirm: true });
console.log(`published to ${topic}: ${receivers} received it`);
await bus.drain();
