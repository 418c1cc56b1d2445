#!/usr/bin/env node
import { readdirSync, statSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

// An agent starts once and then looks at a few files every two seconds. Code compiled for speed and a nursery that has grown
// for the start never pay back here: without them an agent that has talked to its etcd takes a quarter less memory (RSS), and
// a quarter less CPU until it listens (Node 20, npm run bench -- bootstrap). Cryptography is native either way.
setFlagsFromString('--no-opt');
setFlagsFromString('--semi-space-growth-factor=1');

// grpc-js passes an IP address as TLS server name, which Node remarks on once per process (DEP0123). The connection is
// checked against the address all the same; an operator could do nothing about the remark.
const { emitWarning } = process;
process.emitWarning = (warning, ...rest) => {
  if (!rest.includes('DEP0123')) emitWarning.call(process, warning, ...rest);
};

const bundle = new URL('../bundle/main.js', import.meta.url);
await import(isUpToDate() ? bundle : '../dist/main.js');

/**
 * The bundle is the same program in fewer files, which halves the CPU of a start; `npm run build` makes it after the
 * compiler. Who ran only the compiler must not be shown yesterday's program, so a bundle that is older than what the
 * compiler last said of any project is passed over. In doubt the answer is no: dist is slower, and always right.
 */
function isUpToDate() {
  try {
    const madeMs = statSync(bundle).mtimeMs;
    const packages = new URL('../../packages/', import.meta.url);
    const projects = ['../', ...readdirSync(packages).map((name) => `../../packages/${name}/`)];
    return projects.every((project) => {
      const compiled = new URL(`${project}tsconfig.tsbuildinfo`, import.meta.url);
      return (statSync(compiled, { throwIfNoEntry: false })?.mtimeMs ?? 0) <= madeMs;
    });
  } catch {
    return false;
  }
}
