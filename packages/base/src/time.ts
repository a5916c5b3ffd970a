/** RFC 3339 in UTC with the trailing zeros of the fraction cut, as Go's RFC3339Nano prints it: `2026-11-24T19:51:02.097Z`. */
export function formatTime(milliseconds: number): string {
  const text = new Date(milliseconds).toISOString();
  const whole = text.slice(0, -5);
  const fraction = text.slice(-4, -1);
  if (fraction === '000') return `${whole}Z`;
  return `${whole}.${fraction.endsWith('00') ? fraction[0] : fraction.endsWith('0') ? fraction.slice(0, 2) : fraction}Z`;
}

/** RFC 3339 in UTC with whole seconds (`2006-01-02T15:04:05Z`): what VALID UNTIL takes in creation statements. */
export function formatTimeSeconds(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds since 1970 of a time in RFC 3339, whose fraction may have any number of digits, as Go prints them; undefined for anything else. */
export function parseTime(text: string): number | undefined {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (parts === null) return undefined;
  const [, whole = '', fraction = '', zone = ''] = parts;
  const time = Date.parse(`${whole}${fraction.slice(0, 4)}${zone}`);
  return Number.isNaN(time) ? undefined : time;
}
