// The numbers of the wire protocol, version 1: ops, limits, defaults. docs/protocol.md says what they mean.
// Nothing here knows a socket, a broker or a client.

export const PROTOCOL_VERSION = 1;

/** The first element of every frame. */
export const Op = {
  HELLO: 0,
  PUB: 1,
  SUB: 2,
  UNSUB: 3,
  SYNC: 4,
  OK: 5,
  ERR: 6,
  REQ: 7,
  REPLY: 8,
  CANCEL: 9,
  FOR: 10,
  ACK: 11,
  XOFF: 12,
  XON: 13,
  GAP: 14,
  PING: 15,
  PONG: 16,
  BYE: 17,
  RETAIN: 18,
} as const;

/** The second element of a REPLY. */
export const ReplyStatus = { LAST: 0, MORE: 1, ERROR: 2 } as const;

/** `flags` of a FOR: the messages that follow are retained values. */
export const FOR_RETAINED = 1;

/** The ext type whose body is one msgpack value: options, headers and structured payloads. */
export const EXT_VALUE = 1;

/** Elements of a frame, the op among them. */
export const MAX_ELEMENTS = 64;

/** `id` and `sid` are integers from 1 to this. */
export const MAX_ID = 0xffff_ffff;

export const MAX_TOPIC_BYTES = 255;
export const MAX_NAME_BYTES = 64;

/** A HELLO, all of its bytes. */
export const MAX_HELLO_BYTES = 4096;

/** A frame, all of its bytes, where the broker is not told another limit. */
export const DEFAULT_MAX_FRAME_BYTES: number = 16 * 1024 * 1024;

/** Connections at once, where the broker is not told another limit and may have as many files open. */
export const DEFAULT_MAX_CONNECTIONS = 4096;

export const DEFAULT_HEARTBEAT_MS = 15_000;
export const DEFAULT_STALL_MS = 30_000;
export const DEFAULT_HANDSHAKE_MS = 5_000;
export const DEFAULT_GRACE_MS = 8_000;

/** What a publisher may send to topics in XOFF before its socket is paused. */
export const DEFAULT_HEADROOM_BYTES: number = 4 * 1024 * 1024;

/** Topics in XOFF at which a publisher is paused. */
export const MAX_TOPICS_OFF = 1024;

/** Limits of a subscription's queue where its options name none. */
export const DEFAULT_MAX_MESSAGES = 65_536;
export const DEFAULT_MAX_BYTES: number = 8 * 1024 * 1024;

/** What an acknowledging member has where its options name nothing else. */
export const DEFAULT_PREFETCH = 256;
export const DEFAULT_ACK_TIMEOUT_MS = 30_000;
export const DEFAULT_MAX_ATTEMPTS = 5;

/** How long a durable queue knows the `id` of a message that it took, where its options name no other time. */
export const DEFAULT_DEDUPE_MS = 120_000;

/** The largest number that a delivery can have: beyond it JavaScript has no exact integers. */
export const MAX_SEQ: number = 2 ** 53 - 1;

/** Unanswered requests at which a responder is passed over. */
export const MAX_UNANSWERED = 1024;

/** What may wait to be written to one connection before its subscriptions wait in their own queues. */
export const OUTGOING_BYTES: number = 256 * 1024;

/** Answers that a connection may leave unread before the broker stops reading from it. */
export const MAX_UNREAD_ANSWER_BYTES: number = 1024 * 1024;

/** How long an ERR that closes may wait to be taken. */
export const CLOSE_WAIT_MS = 2_000;

/** How long `$sys.wait` waits where it is not told. */
export const DEFAULT_WAIT_MS = 30_000;

export const DEFAULT_ADDRESS = "@podbus";
