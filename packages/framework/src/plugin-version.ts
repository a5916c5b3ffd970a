import { CofferError } from '@coffer/base';

/** A semantic version, as hashicorp/go-version reads it: any number of segments, at least three when written out. */
interface PluginVersion {
  readonly segments: readonly number[];
  readonly prerelease: readonly string[];
  readonly metadata: readonly string[];
}

const VERSION =
  /^v?(\d+(?:\.\d+)*)(?:-([\dA-Za-z~-]+(?:\.[\dA-Za-z~-]+)*))?(?:\+([\dA-Za-z~-]+(?:\.[\dA-Za-z~-]+)*))?$/;

function parse(text: string): PluginVersion | undefined {
  const [, numbers = '', prerelease, metadata] = VERSION.exec(text) ?? [];
  const segments = numbers.split('.').map(Number);
  if (numbers === '' || !segments.every(Number.isSafeInteger)) return undefined;
  while (segments.length < 3) segments.push(0);
  return { segments, prerelease: prerelease?.split('.') ?? [], metadata: metadata?.split('.') ?? [] };
}

/**
 * The one form in which a version is kept: `v1.2.0` for `1.2`. Empty stays empty: no version.
 * @throws CofferError `invalid-request` with Vault's text for what is no semantic version
 */
export function canonicalPluginVersion(text: string): string {
  if (text === '') return '';
  const version = parse(text);
  if (version === undefined) {
    const quoted = JSON.stringify(text);
    throw new CofferError(
      'invalid-request',
      `version ${quoted} is not a valid semantic version: malformed version: ${text}`,
    );
  }
  const { segments, prerelease, metadata } = version;
  const suffix = (mark: string, parts: readonly string[]) => (parts.length === 0 ? '' : mark + parts.join('.'));
  return `v${segments.join('.')}${suffix('-', prerelease)}${suffix('+', metadata)}`;
}

/** Whether both stand for the same version; what is no semantic version (an old catalog may have it) is only like itself. */
export function isSamePluginVersion(one: string, other: string): boolean {
  if (one === other) return true;
  return (
    parse(one) !== undefined &&
    parse(other) !== undefined &&
    canonicalPluginVersion(one) === canonicalPluginVersion(other)
  );
}

/** Whether it carries the mark of what runs inside the server, `+builtin`, which no registered plugin may have. */
export function isBuiltinPluginVersion(text: string): boolean {
  return parse(text)?.metadata.includes('builtin') === true;
}

/** Orders versions from the oldest to the newest, by semver's precedence. What is no semantic version is older than all others. */
export function comparePluginVersions(one: string, other: string): number {
  const [left, right] = [parse(one), parse(other)];
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  for (let at = 0; at < Math.max(left.segments.length, right.segments.length); at++) {
    const difference = (left.segments[at] ?? 0) - (right.segments[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return comparePrereleases(left.prerelease, right.prerelease);
}

function comparePrereleases(left: readonly string[], right: readonly string[]): number {
  // A release is newer than what led up to it.
  if (left.length === 0 || right.length === 0) return right.length - left.length;
  for (const [at, part] of left.entries()) {
    const other = right[at];
    if (other === undefined) return 1;
    if (part === other) continue;
    const [number, otherNumber] = [part, other].map((text) => (/^\d+$/.test(text) ? Number(text) : undefined));
    if (number !== undefined && otherNumber !== undefined) return number - otherNumber;
    if (number !== undefined) return -1;
    if (otherNumber !== undefined) return 1;
    return part < other ? -1 : 1;
  }
  return left.length - right.length;
}
