/**
 * The part of POSIX ustar (IEEE Std 1003.1, pax, "ustar Interchange Format") that a snapshot needs: plain files with short names.
 * A header of any other kind is refused.
 */
import { damaged, LONGEST_FILE } from './format.ts';

export const BLOCK = 512;

/** Where a number or text stands in a header: offset and length. */
const NAME = [0, 100] as const;
const MODE = [100, 8] as const;
const OWNER = [108, 8] as const;
const GROUP = [116, 8] as const;
const SIZE = [124, 12] as const;
const TIME = [136, 12] as const;
const CHECKSUM = [148, 8] as const;
const KIND = 156;
const MAGIC = [257, 8] as const;
const PLAIN = '0';
const USTAR = 'ustar\x0000';

export const END_OF_ARCHIVE = Buffer.alloc(2 * BLOCK);

export interface TarHeader {
  readonly name: string;
  readonly size: number;
}

/** `time`: in seconds since 1970. */
export function tarHeader({ name, size }: TarHeader, time: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  const put = ([at]: readonly [number, number], text: string): void => void header.write(text, at, 'latin1');
  const number = (place: readonly [number, number], value: number): void =>
    put(place, value.toString(8).padStart(place[1] - 1, '0'));
  put(NAME, name);
  number(MODE, 0o600);
  number(OWNER, 0);
  number(GROUP, 0);
  number(SIZE, size);
  number(TIME, time);
  header.write(PLAIN, KIND, 'latin1');
  put(MAGIC, USTAR);
  put(CHECKSUM, `${checksumOf(header).toString(8).padStart(6, '0')}\0 `);
  return header;
}

/** What follows a file of this size, up to the next block. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Undefined at the end of the archive. @throws CofferError `invalid-request` */
export function parseTarHeader(header: Buffer): TarHeader | undefined {
  if (header.every((byte) => byte === 0)) return undefined;
  const text = ([at, length]: readonly [number, number]): string => {
    const field = header.toString('latin1', at, at + length);
    const end = field.indexOf('\0');
    return end === -1 ? field : field.slice(0, end);
  };
  const size = octal(text(SIZE));
  const isOurs = header.toString('latin1', MAGIC[0], MAGIC[0] + USTAR.length) === USTAR && header[KIND] === 0x30;
  if (!isOurs || octal(text(CHECKSUM)) !== checksumOf(header))
    throw damaged('the header of a file is not the expected one');
  if (size > LONGEST_FILE) throw damaged('a file in it is too large');
  return { name: text(NAME), size };
}

function octal(text: string): number {
  const digits = text.trim();
  return /^[0-7]{1,12}$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** The sum of all bytes, those of the checksum itself taken for spaces. */
function checksumOf(header: Buffer): number {
  const [from, length] = CHECKSUM;
  return header.reduce((sum, byte, at) => sum + (at >= from && at < from + length ? 0x20 : byte), 0);
}
