// What acting upon frames costs, roughly, in units of the cheapest thing that is done for a receiver: to extend a range by one message,
// some 20 ns. It is counted so that one connection whose frames are dear, each of which may reach ten thousand receivers, or have the
// broker look at all there is, does not keep the others waiting for longer than a few milliseconds.

export const Work = {
  /** A message to a receiver that is full, or heeds headers. */
  OFFER: 10,
  /** A node of the tree of patterns, when a topic is matched. */
  VISIT: 15,
  /** A receiver that was found by that: it is sorted, and its outbox touched anew. */
  MATCH: 20,
  /** A subscription that comes or goes: every topic is matched anew. */
  SUBSCRIBE: 50,
  /** What the broker answers of itself, and for each connection and queue that it looks at. */
  ANSWER: 500,
  LOOK: 20,
} as const;

/** How much a connection may cost before others have their turn: some ten milliseconds. A read that costs less is not interrupted. */
export const WORK_A_TURN = 500_000;
