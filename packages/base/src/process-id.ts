import { randomBase62 } from './random.ts';

/**
 * Names this process among all that ever worked on the same store and the same databases: rows that it may leave behind bear
 * this name, and so do its database sessions.
 */
export const PROCESS_ID = randomBase62(12);
