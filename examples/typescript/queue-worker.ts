// Works on the jobs of the queue "thumbnails": acknowledged when done, retried when it fails, dead after three attempts.
// Start as many as you like: they share the jobs, and the jobs of one album stay in order.
import { connect } from "podbus";

interface Job {
  readonly album: string;
  readonly picture: number;
}

const bus = await connect({ name: "typescript-worker" });
const worker = bus.subscribe(
  "thumbnails.make",
  {
    queue: "thumbnails",
    ack: true,
    keep: true, // with a broker that has a data directory: durable: true
    concurrency: 4,
    maxAttempts: 3,
    deadLetter: "thumbnails.dead",
    partitionBy: "key",
  },
  (message) => {
    const { album, picture } = message.data as Job;
    if (picture === 13) throw new Error(`picture ${picture} can't be read`);
    console.log(`made ${album}/${picture}, attempt ${message.attempt}`);
  },
);
bus.on("error", ({ error }) => console.log(`failed: ${(error as Error).message}`));
bus.subscribe("thumbnails.dead", (message) => {
  const { deadReason, deadAttempts } = message.headers;
  console.log(`dead: ${JSON.stringify(message.data)}, ${deadReason} after ${deadAttempts} attempts`);
});
await worker.ready;
console.log(`working on thumbnails.make at ${bus.address}`);
