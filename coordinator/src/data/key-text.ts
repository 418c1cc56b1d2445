/**
 * Keys as text, and back. A key is bytes: what cannot be read on a terminal stands as `\xNN`, and a backslash as `\\`, so that
 * every key has one text, and what a command prints is what the next one takes.
 */
import { Failure } from '../failure.js';

/** Control characters, what turns or joins the characters around it, line ends of any kind, and what no font has. */
const unreadable = /[\p{C}\p{Zl}\p{Zp}]/u;

export function keyText(key: Uint8Array): string {
  const text = utf8(key);
  if (text === undefined) return [...key].map(byteText).join('');
  return [...text].map((letter) => (unreadable.test(letter) ? bytesText(letter) : escaped(letter))).join('');
}

/** The key that this text stands for. Throws Failure for a backslash that begins neither `\xNN` nor `\\`: no guessing. */
export function keyOf(text: string): Uint8Array {
  const parts = text.match(/\\x[0-9a-fA-F]{2}|\\\\|[^\\]+|\\/g) ?? [];
  return Buffer.concat(
    parts.map((part) => {
      if (part === '\\') throw strayBackslash(text);
      if (part === '\\\\') return Buffer.from('\\');
      return part.startsWith('\\x') ? Buffer.from(part.slice(2), 'hex') : Buffer.from(part);
    }),
  );
}

/** Undefined where it is not well-formed. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

// Without the option it would swallow three bytes at the beginning of a key.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function byteText(byte: number): string {
  return byte >= 0x20 && byte < 0x7f
    ? escaped(String.fromCharCode(byte))
    : `\\x${byte.toString(16).padStart(2, '0')}`;
}

function bytesText(letter: string): string {
  return [...Buffer.from(letter)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

function escaped(letter: string): string {
  return letter === '\\' ? '\\\\' : letter;
}

function strayBackslash(text: string): Failure {
  return new Failure({
    exit: 'usage',
    what: `${text} has a backslash that stands for nothing`,
    cause:
      'a byte is written \\xNN, and a backslash of the key itself \\\\, as coordinator data list prints them',
    next: 'write the key as coordinator data list --keys prints it',
  });
}
