import { trimBoth } from '@coffer/base';

/** A path without blanks and slashes at either end: `/secret/a/` is `secret/a`. */
export function trimPath(path: string): string {
  return trimBoth(path.trim(), '/');
}

/** A mount point as the API names it: with one slash at the end. Empty stays empty. */
export function mountPath(path: string): string {
  const trimmed = path.trim();
  return trimmed === '' || trimmed.endsWith('/') ? trimmed : `${trimmed}/`;
}
