import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CofferError, errorText } from '@coffer/base';
import type { Check } from './check.ts';

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
/** A certificate is near its end with less than this part of its time left (hashicorp/vault:vault/diagnose/tls_verification.go). */
const NEAR = 0.15;
const DAY_MS = 24 * 60 * 60 * 1000;

/** @throws CofferError `failed` naming the file */
export async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CofferError('failed', `Failed to read ${path}: ${errorText(cause)}`, { cause });
  }
}

/** The dates of certificates in PEM. `whose`: those of a server or client begin with its own, those of authorities have none. */
export function checkCertificates(check: Check, text: string, whose: 'own' | 'authorities'): void {
  const found = text.match(PEM) ?? [];
  if (found.length === 0) throw new CofferError('failed', 'No certificates found in certificate file.');
  for (const [index, pem] of found.entries()) {
    const certificate = parse(pem, index + 1);
    const name = `Certificate ${index + 1} (${certificate.subject.replaceAll('\n', ', ')})`;
    if (whose === 'own' && index === 0 && certificate.ca) {
      check.warn(`${name} is a CA certificate.`, "Put the server's own certificate first.");
    }
    if (whose === 'authorities' && !certificate.ca) {
      check.warn(`${name} is not a CA certificate.`, 'No client certificate can be verified with it.');
    }
    checkDates(check, name, certificate, index === 0);
  }
}

function parse(pem: string, number: number): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new CofferError('failed', `A PEM block (number ${number}) does not parse to a certificate.`, { cause });
  }
}

function checkDates(check: Check, name: string, certificate: X509Certificate, isFirst: boolean): void {
  const { validFromDate: from, validToDate: to } = certificate;
  const now = Date.now();
  const left = to.getTime() - now;
  if (left <= 0) check.fail(`${name} has expired on ${to.toISOString()}.`);
  else if (from.getTime() > now) check.fail(`${name} is not valid before ${from.toISOString()}.`);
  else if (left < NEAR * (to.getTime() - from.getTime())) {
    check.warn(`${name} expires in ${(left / DAY_MS).toFixed(1)} days.`);
  } else if (isFirst) check.ok(`Valid until ${to.toISOString()}.`);
}
