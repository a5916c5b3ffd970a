const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Whether a role allows to send the browser there: an exact match, or, for a program on the user's own machine, one in everything
 * but the port (RFC 8252, section 7.3).
 */
export function redirectAllowed(uri: string, allowed: readonly string[]): boolean {
  if (!URL.canParse(uri)) return false;
  if (!LOOPBACK.includes(new URL(uri).hostname)) return allowed.includes(uri);
  return allowed.some((each) => URL.canParse(each) && withoutPort(each) === withoutPort(uri));
}

function withoutPort(uri: string): string {
  const url = new URL(uri);
  url.port = '';
  return url.href;
}
