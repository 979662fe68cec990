const SPACE = 32;
const ZERO = 48;
const TILDE = 126;

/** What is printed. */
export type Text = string | TextBuffer;

/**
 * Text that grows at its end, in the UTF-8 that is printed. A report on a year has two hundred thousand
 * cells: to make a string of each took longer than to ask the database.
 */
export class TextBuffer {
  #bytes: Buffer;
  #length: number;
  /** By how many bytes it is longer than it is wide. */
  #excess = 0;

  /** @param bytes become its own; the first `length` of them are its text. */
  constructor(bytes: Buffer = Buffer.allocUnsafeSlow(256), length: number = 0) {
    this.#bytes = bytes;
    this.#length = length;
  }

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  /** How many columns of a terminal it takes. */
  get columns(): number {
    return this.#length - this.#excess;
  }

  /** Valid until more is written. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room for so many bytes more. Callers look first: nearly always there is room. */
  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(2 * this.#bytes.length + bytes);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  text(text: string): this {
    const room = 3 * text.length;
    if (this.#length + room > this.#bytes.length) this.#grow(room);
    const bytes = this.#bytes;
    const start = this.#length;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code < SPACE || code > TILDE) return this.#anyText(text);
      bytes[start + at] = code;
    }
    this.#length = start + text.length;
    return this;
  }

  /** What has more than ASCII's printable characters. */
  #anyText(text: string): this {
    const length = this.#bytes.write(text, this.#length);
    this.#length += length;
    this.#excess += length - Bun.stringWidth(text);
    return this;
  }

  /** A count with its thousands apart. */
  count(count: number): this {
    if (!(Number.isSafeInteger(count) && count >= 0)) return this.text(String(count));
    if (count < 1000) return this.digits(count, count < 10 ? 1 : count < 100 ? 2 : 3);
    const thousands = Math.floor(count / 1000);
    return this.count(thousands)
      .text(",")
      .digits(count - 1000 * thousands, 3);
  }

  /** The last digits of a whole number below 2^31, with zeros in front. */
  digits(number: number, digits: number): this {
    if (this.#length + digits > this.#bytes.length) this.#grow(digits);
    const bytes = this.#bytes;
    const start = this.#length;
    let rest = number;
    for (let at = start + digits - 1; at >= start; at--) {
      const higher = (rest / 10) | 0;
      bytes[at] = ZERO + rest - 10 * higher;
      rest = higher;
    }
    this.#length = start + digits;
    return this;
  }

  append(other: TextBuffer): this {
    const length = other.#length;
    if (this.#length + length > this.#bytes.length) this.#grow(length);
    const bytes = this.#bytes;
    const source = other.#bytes;
    let end = this.#length;
    for (let at = 0; at < length; at++) bytes[end++] = source[at] as number;
    this.#length = end;
    this.#excess += other.#excess;
    return this;
  }

  slice(start: number, end: number): string {
    return this.#bytes.toString("utf8", start, end);
  }

  toString(): string {
    return this.slice(0, this.#length);
  }
}

/** What is written, as a string. */
export function written(write: (out: TextBuffer) => void): string {
  const out = new TextBuffer();
  write(out);
  return out.toString();
}
