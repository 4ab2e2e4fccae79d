// What the client knows of the way its bytes travel: bytes come in, ranges go out, one write is under way at a time, it ended and
// why. A socket is one implementation, a simulated one for tests another, memory shared with the broker can be a third.

/** The client's side: what a transport calls. */
export interface TransportSink {
  /** Where the next bytes are to be put. Never empty. */
  room(): Buffer;
  /** `bytes` were put into the last room. */
  filled(bytes: number): void;
  /** The write that was under way has been taken as a whole. */
  written(): void;
  /** Nothing more comes. Called once, and last of all. `reason` says why in words. */
  ended(reason: string): void;
}

/** The transport's side: what the client calls. It reads from the moment it exists: the client never stops reading. */
export interface Transport {
  /**
   * Sends `ranges` in order. True where all of it was taken at once; otherwise `written` follows, and until then there must be no
   * further write. The ranges must stay as they are until then.
   */
  write(ranges: readonly Buffer[]): boolean;
  /** Bytes of the write under way that were not taken yet. */
  untakenBytes(): number;
  /** Ends the stream behind what was written; what the peer sends is still read. */
  end(): void;
  /** Ends it at once, whatever is unwritten or unread. No call to the sink follows. */
  destroy(): void;
}
