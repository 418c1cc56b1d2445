// npm run build: the dependencies, then the TypeScript build.
import { build } from './setup/build.mjs';
import { installDependencies } from './setup/dependencies.mjs';
import { runScript } from './setup/failure.mjs';
import { withLock } from './setup/lock.mjs';
import { checkNode } from './setup/node-version.mjs';
import { cache } from './setup/paths.mjs';

await runScript(async () => {
  checkNode();
  await withLock(cache, async () => {
    await installDependencies();
    await build();
  });
});
