// `$sys.topics`: the busiest topics of those that the route cache knows.

import type { Core } from "../core.ts";

/** Topics that are told at the most. */
const MOST = 100;

export function topics(core: Core): { topics: unknown[] } {
  const busiest = [...core.routes.all()]
    .filter((route) => !route.system && (route.published > 0 || core.retained.has(route.topic)))
    .sort((a, b) => b.published - a.published || (a.topic < b.topic ? -1 : 1))
    .slice(0, MOST);
  return {
    topics: busiest.map(({ topic, published, publishedBytes }) => ({
      topic,
      published,
      bytes: publishedBytes,
      receivers: core.match(topic).outboxes.length,
      retained: core.retained.has(topic),
    })),
  };
}
