// Publishes jobs to the queue "thumbnails". Each is confirmed: when publish() resolves, the queue has it.
import { connect } from "podbus";

const bus = await connect({ name: "typescript-producer" });
await bus.waitFor("thumbnails.make");
for (const picture of [11, 12, 13, 14]) {
  const album = picture % 2 === 0 ? "even" : "odd";
  const receivers = await bus.publish(
    "thumbnails.make",
    { album, picture },
    { confirm: true, headers: { key: album } },
  );
  console.log(`queued ${album}/${picture} in ${receivers} queue`);
}
await bus.close();
