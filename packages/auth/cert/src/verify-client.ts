import { CofferError } from '@coffer/base';
import { type Condition, type EntryStorage, foldName } from '@coffer/framework';
import { type CertEntry, certsOf, crlsOf } from './cert-entry.ts';
import { type Certificate, parseCertificate, parsePem } from './certificate.ts';
import { type Chain, isIn, isInTime, isUsable, validChains } from './chain.ts';
import { isAllowed } from './constraints.ts';

export interface VerifiedClient {
  readonly name: string;
  readonly entry: CertEntry;
  /** That the entry is still as it was read. */
  readonly unchanged: Condition;
  readonly certificate: Certificate;
}

/** Certificates that a client sends beyond its own. More than any real chain has. */
const MAX_SENT = 10;

/**
 * The entry that lets this client in: the one named, or the first that does.
 * @throws CofferError `invalid-request` with Vault's texts
 */
export async function verifyClient(
  storage: EntryStorage,
  chain: readonly Uint8Array[] | undefined,
  name: string,
): Promise<VerifiedClient> {
  if (chain === undefined) throw refusal('tls connection required');
  const [own, ...sent] = chain;
  if (own === undefined) throw refusal('client certificate must be supplied');
  if (sent.length > MAX_SENT) throw refusal(INVALID);
  const certificate = await parseCertificate(own);
  if (!isInTime(certificate, Date.now())) {
    throw refusal("failed to verify client's certificate: x509: certificate has expired or is not yet valid");
  }
  const trusted = await readTrusted(storage, name);
  const revoked = await readRevoked(storage);
  const pinned = trusted.filter(({ certificates }) => certificates[0]?.isCa === false);
  for (const each of pinned) {
    // Vault compares serial numbers and authority key ids, which anybody can put into a certificate of their own.
    const [listed] = each.certificates;
    const isListed = listed !== undefined && isIn([listed], certificate) && isUsable(certificate, Date.now());
    if (isListed && !revoked([listed]) && (await isAllowed(each.entry, certificate))) return { ...each, certificate };
  }
  const authorities = trusted.filter(({ certificates }) => certificates[0]?.isCa === true);
  const chains = await chainsOf(
    certificate,
    sent,
    authorities.flatMap(({ certificates }) => certificates),
  );
  if (chains.length === 0) throw refusal(INVALID);
  for (const each of authorities) {
    const isItsOwn = (found: Chain): boolean => found.some((link) => isIn(each.certificates, link)) && !revoked(found);
    if (chains.some(isItsOwn) && (await isAllowed(each.entry, certificate))) return { ...each, certificate };
  }
  throw refusal('no chain matching all constraints could be found for this login certificate');
}

const INVALID = 'invalid certificate or no client certificate supplied';

interface Trusted extends Omit<VerifiedClient, 'certificate'> {
  readonly certificates: readonly Certificate[];
}

async function chainsOf(
  certificate: Certificate,
  sent: readonly Uint8Array[],
  roots: readonly Certificate[],
): Promise<readonly Chain[]> {
  if (roots.length === 0) return [];
  const intermediates = await Promise.all(sent.map(parseCertificate));
  return validChains(certificate, intermediates, roots, Date.now());
}

async function readTrusted(storage: EntryStorage, name: string): Promise<readonly Trusted[]> {
  const names = name === '' ? await storage.list('certs/') : [foldName(name)];
  const entries = await Promise.all(
    names.map(async (each) => {
      const found = await certsOf(storage).read(each);
      if (found === undefined) return [];
      const { value: entry, unchanged } = found;
      return [{ name: each, entry, unchanged, certificates: await parseKnown(entry.certificate) }];
    }),
  );
  return entries.flat();
}

/** By their text, so nothing makes them stale: every login would otherwise take them apart again. */
const KNOWN = new Map<string, Promise<readonly Certificate[]>>();
const MAX_KNOWN = 1000;

function parseKnown(pem: string): Promise<readonly Certificate[]> {
  const known = KNOWN.get(pem);
  if (known !== undefined) return known;
  if (KNOWN.size >= MAX_KNOWN) KNOWN.clear();
  const parsed = parsePem(pem);
  KNOWN.set(pem, parsed);
  return parsed;
}

/** Whether one of a chain is on a list. As in Vault a list counts for every authority, and for as long as it is there. */
async function readRevoked(storage: EntryStorage): Promise<(chain: Chain) => boolean> {
  const names = await storage.list('crls/');
  const lists = await Promise.all(names.map(async (name) => (await crlsOf(storage).get(name))?.serials ?? []));
  return (chain) => chain.some(({ serialNumber }) => lists.some((serials) => serials.includes(serialNumber)));
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
