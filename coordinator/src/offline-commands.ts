/** Commands that work on the state directory only; `token` does without `replace`. */
export { env } from './commands/env.js';
export { init } from './commands/init.js';
export { token } from './commands/token.js';
