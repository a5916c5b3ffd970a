/** To be imported before a program: its clock is off by the milliseconds in the file that SHIFTED_CLOCK names, as they change. */
import { readFileSync } from 'node:fs';

const file = process.env['SHIFTED_CLOCK'] ?? '';
const real = Date.now.bind(Date);
const look = (): number => Number(readFileSync(file, 'utf8'));
let shift = look();
setInterval(() => (shift = look()), 100).unref();
Date.now = () => real() + shift;
