#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { runProgram } from '../../scripts/setup/run-program.mjs';

// A command runs for a second or two, and most of that is loading code that runs once: compiling it for speed on other
// threads costs a sixth of the CPU of a command, on hosts that may have two cores, and never pays back.
setFlagsFromString('--no-opt');

await runProgram('coordinator');
