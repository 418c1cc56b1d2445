#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';

// An agent starts once and then looks at a few files every two seconds. Code compiled for speed and a nursery that has grown
// for the start never pay back here: without them an agent that has talked to its etcd takes 78 MB instead of 103 (RSS), and
// a quarter less CPU until it listens (Node 20, npm run bench -- bootstrap). Cryptography is native either way.
setFlagsFromString('--no-opt');
setFlagsFromString('--semi-space-growth-factor=1');

// grpc-js passes an IP address as TLS server name, which Node remarks on once per process (DEP0123). The connection is
// checked against the address all the same; an operator could do nothing about the remark.
const { emitWarning } = process;
process.emitWarning = (warning, ...rest) => {
  if (!rest.includes('DEP0123')) emitWarning.call(process, warning, ...rest);
};
await import('../dist/main.js');
