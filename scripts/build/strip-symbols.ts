/** ELF for 64 bits, little-endian (System V ABI, chapter 4): where things stand in the file header and section headers. */
const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const FILE_HEADER = { sectionHeaders: 0x28, sectionHeaderSize: 0x3a, sectionCount: 0x3c, namesIndex: 0x3e };
const SECTION = { nameOffset: 0x00, flags: 0x08, offset: 0x18, size: 0x20 };
const ALLOCATED = 2n;
/** What no process ever loads. */
const DROPPED = /^\.(?:symtab|strtab|debug_\w+)$/;
const NAME_TABLE = '.shstrtab';

interface Section {
  readonly name: string;
  readonly header: Buffer;
  readonly offset: number;
  readonly size: number;
}

/**
 * The executable without symbols and debug sections, as `strip` makes it, but with the same bytes on every machine. A
 * host hashes the file at every start of the plugin, and these are a seventh of Node.js. What is no ELF file, or has them
 * elsewhere than at the end, is given back as it is.
 */
export function stripSymbols(file: Buffer): Buffer {
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) return file;
  const sections = readSections(file);
  const nameTable = sections.at(-1);
  const first = sections.findIndex(({ name }) => DROPPED.test(name));
  if (nameTable?.name !== NAME_TABLE || first < 0) return file;
  // What stays must not move, nor be renumbered: others refer to sections by number and to contents by offset.
  const kept = sections.slice(0, first);
  const dropped = sections.slice(first, -1);
  const end = Math.max(...kept.map(endInFile));
  if (dropped.some((section) => isAllocated(section) || !DROPPED.test(section.name) || section.offset < end))
    return file;
  kept.push(nameTable);

  const head = Buffer.from(file.subarray(0, end));
  const nameBytes = file.subarray(nameTable.offset, nameTable.offset + nameTable.size);
  nameTable.header.writeBigUInt64LE(BigInt(end), SECTION.offset);
  const padding = Buffer.alloc(-(end + nameBytes.length) & 7);
  head.writeBigUInt64LE(BigInt(end + nameBytes.length + padding.length), FILE_HEADER.sectionHeaders);
  head.writeUInt16LE(kept.length, FILE_HEADER.sectionCount);
  head.writeUInt16LE(kept.length - 1, FILE_HEADER.namesIndex);
  return Buffer.concat([head, nameBytes, padding, ...kept.map(({ header }) => header)]);
}

function readSections(file: Buffer): Section[] {
  const start = Number(file.readBigUInt64LE(FILE_HEADER.sectionHeaders));
  const headerSize = file.readUInt16LE(FILE_HEADER.sectionHeaderSize);
  const headers = Array.from({ length: file.readUInt16LE(FILE_HEADER.sectionCount) }, (_, i) =>
    Buffer.from(file.subarray(start + i * headerSize, start + (i + 1) * headerSize)),
  );
  const offsetOf = (header: Buffer) => Number(header.readBigUInt64LE(SECTION.offset));
  const names = headers[file.readUInt16LE(FILE_HEADER.namesIndex)];
  const namesAt = names === undefined ? 0 : offsetOf(names);
  return headers.map((header) => {
    const nameAt = namesAt + header.readUInt32LE(SECTION.nameOffset);
    return {
      name: file.toString('latin1', nameAt, file.indexOf(0, nameAt)),
      header,
      offset: offsetOf(header),
      size: Number(header.readBigUInt64LE(SECTION.size)),
    };
  });
}

function isAllocated({ header }: Section): boolean {
  return (header.readBigUInt64LE(SECTION.flags) & ALLOCATED) !== 0n;
}

/** A section without content in the file (`.bss`) says a size that it does not take there. */
function endInFile({ header, offset, size }: Section): number {
  const NO_CONTENT = 8;
  return header.readUInt32LE(4) === NO_CONTENT ? offset : offset + size;
}
