/** Encodes key shares for the one response that ever contains them, and wipes them. */
export function spendShares(shares: readonly Uint8Array[]): { readonly hex: string[]; readonly base64: string[] } {
  const encode = (encoding: 'hex' | 'base64'): string[] =>
    shares.map(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length).toString(encoding));
  const encoded = { hex: encode('hex'), base64: encode('base64') };
  for (const share of shares) share.fill(0);
  return encoded;
}
