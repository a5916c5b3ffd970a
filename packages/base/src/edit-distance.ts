/** Longest text that is compared, in characters: the cost is the product of the lengths, and a caller chooses one of the texts. */
const LONGEST_TEXT = 100;

/** How many characters must be inserted, removed or replaced to turn `a` into `b`. Infinite for texts too long to be misspelt names. */
export function editDistance(a: string, b: string): number {
  return distance(a, b, false);
}

/** `swaps`: two neighbours in the wrong order are one mistake (optimal string alignment), else two. */
function distance(a: string, b: string, swaps: boolean): number {
  if (Math.max(a.length, b.length) > LONGEST_TEXT) return Infinity;
  let beforePrevious: readonly number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = swaps && i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwapped ? (beforePrevious[j - 2] ?? 0) + 1 : Infinity;
      current.push(Math.min(substitute, swap, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The one of `candidates` that `name` was most likely meant to be; undefined if it is too far from all of them to be a typo. */
export function nearestName<N extends string>(name: string, candidates: readonly N[]): N | undefined {
  const [nearest] = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    // With as many changes as it has characters, nothing of it is left.
    .filter(({ candidate, distance }) => distance < candidate.length)
    .filter(({ candidate, distance }) => distance <= Math.max(2, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return nearest?.candidate;
}

/**
 * `Did you mean "read"?` where one of `candidates` is a slip of the finger away, one for three characters, two from five on and never
 * more than three, with `before` in front of its name; undefined otherwise. Case is no slip. For people who type: {@link nearestName} allows more.
 */
export function didYouMean(name: string, candidates: readonly string[], before = ''): string | undefined {
  const typed = name.toLowerCase();
  const [nearest] = candidates
    .map((candidate) => ({ candidate, mistakes: distance(typed, candidate.toLowerCase(), true) }))
    .filter(({ candidate, mistakes }) => candidate !== name && mistakes <= allowedSlips(name, candidate))
    .sort((a, b) => a.mistakes - b.mistakes);
  return nearest && `Did you mean "${before}${nearest.candidate}"?`;
}

function allowedSlips(name: string, candidate: string): number {
  const length = Math.max(name.length, candidate.length);
  return Math.min(Math.max(Math.floor(length / 3), length < 5 ? 0 : 2), 3);
}
