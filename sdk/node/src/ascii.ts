/**
 * Short texts on their way into a plug-in: what calls are made with most. The platform's encoder takes longer to begin than
 * these take to be written.
 *
 * Must not know: what texts say. Invariant: a text that is written here has one byte for each of its units.
 */

/** Beyond this the platform's encoder is quicker. */
const SHORT = 256;

/** Whether a text is short and all of it is ASCII: then its length is that of its UTF-8. */
export function isShortAscii(text: string): boolean {
  if (text.length > SHORT) {
    return false;
  }
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) > 0x7f) {
      return false;
    }
  }
  return true;
}

/** Writes such a text. */
export function writeAscii(text: string, bytes: Uint8Array, offset: number): void {
  for (let at = 0; at < text.length; at += 1) {
    bytes[offset + at] = text.charCodeAt(at);
  }
}
