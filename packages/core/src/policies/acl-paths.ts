/** Which rule of a policy a path falls under, as hashicorp/vault:vault/acl.go finds it. Linear in the path. */

/** A pattern with `+`, or what stands before a trailing `*`, with what decides among several that match. */
interface Priority {
  /** Bytes before the first wildcard; for a prefix, all of it. */
  readonly firstWildcard: number;
  readonly isPrefix: boolean;
  readonly plusses: number;
  /** UTF-8, without the trailing `*`. */
  readonly bytes: Buffer;
}
interface SegmentRule<T> extends Priority {
  readonly segments: readonly string[];
  readonly value: T;
}
interface PrefixRule<T> extends Priority {
  readonly prefix: string;
  readonly value: T;
  /** The longest other prefix that this one begins with. */
  readonly parent: PrefixRule<T> | undefined;
}

export interface PathTable<T> {
  /**
   * The value of the rule that counts for `path`. A list asks for a folder, whose name may be written with or without
   * the slash: the rule for exactly that path first, then patterns without the slash, then with it.
   */
  find(path: string, list: boolean): T | undefined;
}

/** @param rules by pattern: an exact path, a path with a trailing `*`, or one with `+` for a segment */
export function createPathTable<T>(rules: ReadonlyMap<string, T>): PathTable<T> {
  const exact = new Map<string, T>();
  const prefixes: [prefix: string, value: T][] = [];
  const segmentRules: SegmentRule<T>[] = [];
  for (const [pattern, value] of rules) {
    if (hasSegmentWildcard(pattern)) segmentRules.push(segmentRule(pattern, value));
    else if (pattern.endsWith('*')) prefixes.push([pattern.slice(0, -1), value]);
    else exact.set(pattern, value);
  }
  segmentRules.sort((a, b) => compare(b, a));
  const longestPrefix = createPrefixTable(prefixes);

  const findPattern = (path: string): T | undefined => {
    const prefix = longestPrefix(path);
    if (segmentRules.length === 0) return prefix?.value;
    const segments = path.split('/');
    const rule = segmentRules.find((each) => segmentsMatch(each, segments));
    if (rule === undefined || prefix === undefined) return (rule ?? prefix)?.value;
    return compare(rule, prefix) > 0 ? rule.value : prefix.value;
  };
  return {
    find(path, list) {
      const folder = list && path.endsWith('/') ? path.slice(0, -1) : undefined;
      const found = exact.get(path) ?? (folder === undefined ? undefined : (exact.get(folder) ?? findPattern(folder)));
      return found ?? findPattern(path);
    },
  };
}

/** Whether a pattern can match a path below `folder`, which ends in a slash (hasMountAccess of hashicorp/vault:vault/logical_system.go). */
export function isBelow(pattern: string, folder: string): boolean {
  if (!hasSegmentWildcard(pattern)) return pattern.replace(/\*$/, '').startsWith(folder);
  const segments = folder.split('/').slice(0, -1);
  const mine = pattern.split('/');
  return mine.length > segments.length && segments.every((segment, at) => mine[at] === '+' || mine[at] === segment);
}

/** A `+` counts at the beginning of a segment; whether it is one is seen when matching. */
function hasSegmentWildcard(pattern: string): boolean {
  return pattern === '+' || pattern.includes('/+') || pattern.startsWith('+/');
}

function segmentRule<T>(pattern: string, value: T): SegmentRule<T> {
  const isPrefix = pattern.endsWith('*');
  const path = isPrefix ? pattern.slice(0, -1) : pattern;
  const segments = path.split('/');
  return {
    firstWildcard: Buffer.byteLength(pattern.slice(0, pattern.indexOf('+'))),
    isPrefix,
    plusses: segments.filter((segment) => segment === '+').length,
    bytes: Buffer.from(path),
    segments,
    value,
  };
}

function segmentsMatch({ segments: mine, isPrefix }: SegmentRule<unknown>, theirs: readonly string[]): boolean {
  if (isPrefix ? theirs.length < mine.length : theirs.length !== mine.length) return false;
  return mine.every((segment, index) => {
    const other = theirs[index] ?? '';
    if (segment === '+' || segment === other) return true;
    return isPrefix && index === mine.length - 1 && other.startsWith(segment);
  });
}

/**
 * Positive when `a` comes first: the later first wildcard, then not ending in `*`, then fewer `+`, then the longer, then
 * the greater (hashicorp/vault:website/content/docs/concepts/policies.mdx, "Priority matching").
 */
function compare(a: Priority, b: Priority): number {
  return (
    a.firstWildcard - b.firstWildcard ||
    Number(b.isPrefix) - Number(a.isPrefix) ||
    b.plusses - a.plusses ||
    a.bytes.length - b.bytes.length ||
    a.bytes.compare(b.bytes)
  );
}

/**
 * Finds the longest prefix of a path: by bisection the greatest prefix that is not after the path, and from there up its
 * parents. These are all prefixes of it, so that the characters it shares with the path are counted once.
 */
function createPrefixTable<T>(
  given: readonly [prefix: string, value: T][],
): (path: string) => PrefixRule<T> | undefined {
  const sorted: PrefixRule<T>[] = [];
  for (const [prefix, value] of given.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    let parent = sorted.at(-1);
    while (parent !== undefined && !prefix.startsWith(parent.prefix)) parent = parent.parent;
    const bytes = Buffer.from(prefix);
    sorted.push({ prefix, value, parent, firstWildcard: bytes.length, isPrefix: true, plusses: 0, bytes });
  }
  return (path) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle]?.prefix ?? '') <= path) low = middle + 1;
      else high = middle;
    }
    let rule = sorted[low - 1];
    const shared = rule === undefined ? 0 : sharedLength(rule.prefix, path);
    while (rule !== undefined && rule.prefix.length > shared) rule = rule.parent;
    return rule;
  };
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
