/** The seal that another server opens, with its transit engine: Vault, OpenBao, or whatever answers as they do. */
export { createTransitSeal, type TransitSealOptions } from './transit-seal.ts';
