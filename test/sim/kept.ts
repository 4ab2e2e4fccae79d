// Seeds that have found something in the product, each with what it was: they are run with the tests. What a seed makes changes with
// plan.ts; where that has changed they are seeds like others, and the tests beside the sources tell of the same things by hand.

import type { Without } from "./plan.ts";

export interface Kept {
  readonly seed: number;
  readonly without: Without;
  readonly found: string;
}

export const KEPT: readonly Kept[] = [
  { seed: 16, without: {}, found: "losses at one point were told by two GAPs, one behind the other" },
  { seed: 65, without: {}, found: "the same, in a queue of the policy drop-oldest" },
  { seed: 767, without: {}, found: "a GAP that was not written when its connection ended was told to nobody" },
  { seed: 983, without: {}, found: "the same, in a queue of the policy latest" },
  {
    seed: 1673,
    without: {},
    found:
      "a publisher that was paused for another's sake, and filled its own subscription with the same read, was paused for good",
  },
  {
    seed: 8965,
    without: {},
    found: "a subscription that was ending came back with the next connection, and kept what it was handed for good",
  },
  {
    seed: 8513,
    without: {},
    found: "a purge took the time to live of what members held, which came back and was delivered too late",
  },
  {
    seed: 10552,
    without: {},
    found: "what a member that does not acknowledge had got of a long write was delivered again by the next broker",
  },
  {
    seed: 5443,
    without: {},
    found: "an XOFF in the same turn kept what had come before it from being handed on, and more than that was dropped",
  },
  {
    seed: 4003248,
    without: {},
    found:
      "what a member that does not acknowledge had got of a long write was delivered again by the next broker, where it had left before",
  },
  {
    seed: 6028557,
    without: {},
    found:
      "what a subscription that drops the oldest could hand on was dropped, since others of its connection took the room in the same turn",
  },
  { seed: 6034556, without: {}, found: "the same, while the connection was written to" },
  {
    seed: 7042524,
    without: {},
    found: "the same, where the subscription was held when it was full, and went on in the same turn",
  },
  {
    seed: 7013125,
    without: {},
    found: "flush() was done before what had been published first: what another topic kept had gone in front of it",
  },
  {
    seed: 7041896,
    without: {},
    found:
      "a message with a time to live was delayed by the next broker, where the clock on the wall had been put back",
  },
];
