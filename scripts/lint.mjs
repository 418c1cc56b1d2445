// npm run lint: the same checks as `npm test` runs before the tests. Arguments go to biome (`npm run lint -- --write`).
import { runChecks } from './setup/checks.mjs';
import { installDependencies } from './setup/dependencies.mjs';
import { runScript } from './setup/failure.mjs';
import { withLock } from './setup/lock.mjs';
import { checkNode } from './setup/node-version.mjs';
import { cache } from './setup/paths.mjs';

await runScript(async () => {
  checkNode();
  await withLock(cache, installDependencies);
  const failed = await runChecks(process.argv.slice(2));
  return failed.length > 0 ? 1 : 0;
});
