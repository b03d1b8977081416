/** FIN, and the opcode of text: a message in one frame. */
const WHOLE_TEXT = 0x81;
/** Lengths that do not fit the second byte are in the two bytes, or eight, after it. */
const IN_TWO_BYTES = 126;
const IN_EIGHT_BYTES = 127;
const MOST_IN_TWO_BYTES = 0xffff;

/**
 * A text message of a WebSocket as a server sends it, not masked and not compressed, in one frame (RFC 6455, 5.2).
 * @param parts the message in UTF-8, in parts, each of which may be cut anywhere
 */
export function textFrame(parts: readonly Buffer[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const header = length < IN_TWO_BYTES ? 2 : length <= MOST_IN_TWO_BYTES ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = WHOLE_TEXT;
  if (header === 2) frame[1] = length;
  else if (header === 4) {
    frame[1] = IN_TWO_BYTES;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = IN_EIGHT_BYTES;
    // A buffer is never as long as would need more than 48 of the 64 bits.
    frame.writeUInt16BE(0, 2);
    frame.writeUIntBE(length, 4, 6);
  }
  let at = header;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}
