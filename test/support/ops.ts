// The numbers of protocol.md, written down once more, apart from shared/protocol.ts: a test that took them from there would agree with a
// mistake in them.

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
