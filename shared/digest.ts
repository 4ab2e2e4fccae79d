// A short name for a long text: four 32-bit hashes over its UTF-16 units, each with multipliers and a rotation of its own. Not for
// secrets: who wants two texts of one name can find them; by chance nobody does.

/** Start, multiplier and rotation of each. */
const LANES = [
  [0x243f6a88, 0x9e3779b1, 13],
  [0x85a308d3, 0x85ebca77, 7],
  [0x13198a2e, 0xc2b2ae3d, 17],
  [0x03707344, 0x27d4eb2f, 11],
] as const;

/** `text` in few characters: its length and 128 bits of it. */
export function digest(text: string): string {
  const hashes = LANES.map(([start, multiplier, turn]) => {
    let hash = start ^ text.length;
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), multiplier);
      hash = (hash << turn) | (hash >>> (32 - turn));
    }
    hash = Math.imul(hash ^ (hash >>> 15), multiplier);
    return (hash ^ (hash >>> 13)) >>> 0;
  });
  return `${text.length}-${hashes.map((hash) => hash.toString(36)).join("-")}`;
}
