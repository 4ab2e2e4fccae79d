/** The longest time that a timer can be set to, in ms: some 24 days. Node runs one that is longer at once. */
export const MAX_TIMER_MS = 0x7fff_ffff;
