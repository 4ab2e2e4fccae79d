// What became of the messages of one receiver. At any moment, with `waiting` told by the receiver's outbox:
//   accepted = settled + inFlight + waiting + dropped + expired + dead

/** The counts, as `$sys` topics tell them. */
export interface Counts {
  /** Messages × receivers that were taken. */
  accepted: number;
  /** Acknowledged, or written to the receiver's socket where there is no acknowledgement. */
  settled: number;
  /** Handed to a connection, and neither settled nor returned. */
  inFlight: number;
  waiting: number;
  dropped: number;
  expired: number;
  dead: number;
  /** Deliveries of a message after its first. Not part of the sum. */
  redelivered: number;
}

export class Counters implements Counts {
  accepted = 0;
  settled = 0;
  inFlight = 0;
  /** Kept by the outbox; filled in where counts are told or added up. */
  waiting = 0;
  dropped = 0;
  expired = 0;
  dead = 0;
  redelivered = 0;

  /** @param waiting what waits there, where that is kept elsewhere */
  add(other: Readonly<Counts>, waiting: number = other.waiting): this {
    this.accepted += other.accepted;
    this.settled += other.settled;
    this.inFlight += other.inFlight;
    this.waiting += waiting;
    this.dropped += other.dropped;
    this.expired += other.expired;
    this.dead += other.dead;
    this.redelivered += other.redelivered;
    return this;
  }
}
