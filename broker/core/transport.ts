// What a connection knows of the way its bytes travel: chunks come in, ranges go out, it is writable or not, it ended and why.
// Sockets are one implementation, memory shared with the peer can be another, a simulated one a third.

/** The connection's side: what a transport calls. */
export interface TransportSink {
  /** Where the next bytes are to be put. Never empty. */
  room(): Buffer;
  /** `bytes` were put into the last room. */
  filled(bytes: number): void;
  /** The write that was under way has been taken as a whole. */
  written(): void;
  /** The peer will send nothing more. Called once, and last of all. `reason` says why in words. */
  ended(reason: string): void;
}

/** The transport's side: what a connection calls. */
export interface Transport {
  /** Begins to read. */
  open(sink: TransportSink): void;
  /**
   * Sends `ranges` in order. True where all of it was taken at once; otherwise `written` follows, and until then there must be no
   * further write. The ranges must stay as they are until then.
   */
  write(ranges: readonly Buffer[]): boolean;
  /** Bytes of the write under way that were not taken yet. */
  untakenBytes(): number;
  /** Stops and goes on with reading. What has not been read waits with the peer. */
  pause(): void;
  resume(): void;
  /** Ends the stream behind what was written. */
  end(): void;
  /** Ends it at once, whatever is unwritten or unread. No call to the sink follows. */
  destroy(): void;
}
