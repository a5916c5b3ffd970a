/** `PGPASSWORD=... npm run login -- postgres://USER@HOST:PORT/DATABASE`: whether a credential logs in, where there is no psql. */
import { Login } from './demo/login.ts';

const [text = ''] = process.argv.slice(2);
const password = process.env['PGPASSWORD'];
if (process.argv.length !== 3 || !URL.canParse(text) || password === undefined) {
  console.error('usage: PGPASSWORD=... npm run login -- postgres://USER@HOST:PORT/DATABASE');
  process.exit(1);
}
const url = new URL(text);
const tried = await new Login(url).as(decodeURIComponent(url.username), password).attempt();
if ('user' in tried) {
  console.log(`Logged in as ${tried.user}.`);
} else {
  console.error(`The login is refused: ${tried.refusal}`);
  process.exitCode = 1;
}
