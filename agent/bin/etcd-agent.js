#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { runProgram } from '../../scripts/setup/run-program.mjs';

// An agent starts once and then looks at a few files every two seconds. Code compiled for speed and a nursery that has grown
// for the start never pay back here: without them an agent that has talked to its etcd takes a quarter less memory (RSS), and
// a quarter less CPU until it listens (Node 20, npm run bench -- bootstrap). Cryptography is native either way.
setFlagsFromString('--no-opt');
setFlagsFromString('--semi-space-growth-factor=1');

await runProgram('agent');
