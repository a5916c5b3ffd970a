export type * from './logical.ts';
