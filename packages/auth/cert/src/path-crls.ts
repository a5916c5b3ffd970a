import { CofferError } from '@coffer/base';
import { definePath, type EntryStorage, type Path } from '@coffer/framework';
import { crlsOf } from './cert-entry.ts';
import { parseCrl } from './certificate.ts';

/** The most certificates that one list may revoke: lists are kept in memory. */
const MAX_SERIALS = 50_000;

/** `crls` (LIST) and `crls/:name`: whose certificates count no more. */
export function crlsPaths(storage: EntryStorage): Path[] {
  const crls = crlsOf(storage);
  const missing = (name: string): CofferError => new CofferError('invalid-request', `no such CRL ${name}`);
  return [
    definePath({
      pattern: 'crls',
      fields: {},
      synopsis: 'Lists the certificate revocation lists.',
      list: async ({ page }) => ({ data: { keys: await storage.list('crls/', page) } }),
    }),
    definePath({
      pattern: 'crls/:name',
      foldedNames: ['name'],
      fields: {
        name: { type: 'string', required: true, description: 'The name of the list.' },
        crl: {
          type: 'string',
          description: 'The list, in PEM. Its expiry is ignored: delete the list once it has expired.',
        },
        url: { type: 'string', description: 'Not supported: send the list itself.' },
      },
      synopsis: 'Manages a certificate revocation list.',
      read: async ({ fields }) => {
        const found = await crls.get(fields.name);
        if (found === undefined) throw missing(fields.name);
        return { data: { cdp: null, serials: Object.fromEntries(found.serials.map((serial) => [serial, {}])) } };
      },
      write: async ({ fields }) => {
        if (fields.url !== undefined) {
          throw new CofferError('invalid-request', 'field "url" is not supported: send the list itself as "crl"');
        }
        if (fields.crl === undefined) throw new CofferError('invalid-request', "'crl' must be provided");
        const serials = await parseCrl(fields.crl);
        if (serials.length > MAX_SERIALS) {
          throw new CofferError('invalid-request', `field "crl" revokes more than ${MAX_SERIALS} certificates`);
        }
        await crls.put(fields.name, { serials });
        return undefined;
      },
      delete: async ({ fields }) => {
        if ((await crls.take(fields.name)) === undefined) throw missing(fields.name);
        return undefined;
      },
    }),
  ];
}
