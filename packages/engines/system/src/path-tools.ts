import { createHash, randomBytes } from 'node:crypto';
import { CofferError } from '@coffer/base';
import { definePath, type Path, type PathResponse } from '@coffer/framework';

/** Vault's names, and Node's (openbao/openbao:internal/vault/logical_system_paths.go). */
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ['sha2-224', 'sha224'],
  ['sha2-256', 'sha256'],
  ['sha2-384', 'sha384'],
  ['sha2-512', 'sha512'],
  ['sha3-224', 'sha3-224'],
  ['sha3-256', 'sha3-256'],
  ['sha3-384', 'sha3-384'],
  ['sha3-512', 'sha3-512'],
]);
const ENCODINGS = ['hex', 'base64'] as const;
type Encoding = (typeof ENCODINGS)[number];

const SOURCES: readonly string[] = ['platform', 'seal', 'all'];
const MAX_BYTES = 128 * 1024;

const INPUT = { type: 'string', default: '', description: 'The bytes to hash, in base64.' } as const;
const FORMAT = { type: 'string', description: 'The encoding of the result: "hex" or "base64".' } as const;
const BYTES = { type: 'integer', default: 32, description: 'How many bytes, up to 131,072.' } as const;
const SOURCE_TEXT = '"platform", "seal" or "all": all of them use the randomness of the platform.';

/** `sys/tools/hash`, `sys/tools/random`. */
export function toolsPaths(): Path[] {
  return [...hashPaths(), ...randomPaths()];
}

function hashPaths(): Path[] {
  const synopsis = 'Hashes the input.';
  const algorithm = 'sha2-224, -256, -384 or -512, or sha3-224, -256, -384 or -512.';
  return [
    definePath({
      pattern: 'tools/hash',
      fields: {
        input: INPUT,
        format: { ...FORMAT, default: 'hex' },
        algorithm: { type: 'string', default: 'sha2-256', description: algorithm },
      },
      synopsis,
      write: async ({ fields }) => hashed(fields.input, fields.algorithm, fields.format),
    }),
    definePath({
      pattern: 'tools/hash/:urlalgorithm',
      fields: {
        input: INPUT,
        format: { ...FORMAT, default: 'hex' },
        urlalgorithm: { type: 'string', required: true, description: algorithm },
      },
      synopsis,
      write: async ({ fields }) => hashed(fields.input, fields.urlalgorithm, fields.format),
    }),
  ];
}

function randomPaths(): Path[] {
  const synopsis = 'Generates random bytes.';
  const format = { ...FORMAT, default: 'base64' } as const;
  return [
    definePath({
      pattern: 'tools/random',
      fields: { bytes: BYTES, format, source: { type: 'string', default: 'platform', description: SOURCE_TEXT } },
      synopsis,
      write: async ({ fields, warnings }) => random(fields.bytes, fields.format, fields.source, warnings),
    }),
    definePath({
      pattern: 'tools/random/:source',
      fields: {
        bytes: BYTES,
        format,
        source: { type: 'string', required: true, description: `${SOURCE_TEXT} Or how many bytes.` },
      },
      synopsis,
      write: async ({ fields: { source, bytes, format: encoding }, warnings }) =>
        SOURCES.includes(source)
          ? random(bytes, encoding, source, warnings)
          : random(byteCount(source), encoding, 'platform', warnings),
    }),
    definePath({
      pattern: 'tools/random/:source/:urlbytes',
      fields: {
        format,
        source: { type: 'string', required: true, description: SOURCE_TEXT },
        urlbytes: { type: 'string', required: true, description: BYTES.description },
      },
      synopsis,
      write: async ({ fields, warnings }) => random(byteCount(fields.urlbytes), fields.format, fields.source, warnings),
    }),
  ];
}

/** @throws CofferError `invalid-request` for an unknown algorithm or format, or an input that is no base64 */
function hashed(input: string, algorithm: string, format: string): PathResponse {
  const bytes = Buffer.from(input, 'base64');
  // Node skips what is no base64; so only what comes out again was all there was. Line ends are allowed.
  if (bytes.toString('base64') !== input.replaceAll('\r', '').replaceAll('\n', '')) {
    throw new CofferError('invalid-request', 'unable to decode input as base64: illegal base64 data');
  }
  const name = ALGORITHMS.get(algorithm);
  if (name === undefined) throw new CofferError('invalid-request', `unsupported algorithm ${algorithm}`);
  return { data: { sum: createHash(name).update(bytes).digest(encodingOf(format)) } };
}

/** @throws CofferError `invalid-request` for a number of bytes, format or source that there is not */
function random(bytes: number, format: string, source: string, warnings: string[]): PathResponse {
  if (bytes < 1) throw new CofferError('invalid-request', '"bytes" cannot be less than 1');
  if (bytes > MAX_BYTES) throw new CofferError('invalid-request', `"bytes" should be less than ${MAX_BYTES}`);
  const encoding = encodingOf(format);
  if (!SOURCES.includes(source)) {
    const quoted = JSON.stringify(source);
    throw new CofferError(
      'invalid-request',
      `unsupported entropy source ${quoted}; must be "platform" or "seal", or "all"`,
    );
  }
  if (source === 'seal') warnings.push('no seal/entropy augmentation available, using platform entropy source');
  return { data: { random_bytes: randomBytes(bytes).toString(encoding) } };
}

function encodingOf(format: string): Encoding {
  const found = ENCODINGS.find((encoding) => encoding === format);
  if (found !== undefined) return found;
  throw new CofferError(
    'invalid-request',
    `unsupported encoding format ${JSON.stringify(format)}; must be "hex" or "base64"`,
  );
}

function byteCount(text: string): number {
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  throw new CofferError('invalid-request', `error parsing url-set byte count: ${JSON.stringify(text)} is not a number`);
}
