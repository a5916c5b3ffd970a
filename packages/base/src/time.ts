/** RFC 3339 in UTC with the trailing zeros of the fraction cut, as Go's RFC3339Nano prints it: `2026-11-24T19:51:02.097Z`. */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.?(?<!0)0+Z$/, 'Z');
}

/** RFC 3339 in UTC with whole seconds (`2006-01-02T15:04:05Z`): what VALID UNTIL takes in creation statements. */
export function formatTimeSeconds(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
